//! The budgets of the admin pages: `script/bench admin`.
//!
//! # Guarantees
//!
//! - Two portals with databases of their own are measured in turns: one with few rows, the other with many.
//! - Each ratio is the median of the turns' ratios.
//! - A decision or deletion that did not happen is an error.

mod fill;
mod side;

use std::time::Duration;

use anyhow::ensure;

use crate::admin::side::{Pending, Side};
use crate::measure::median;
use crate::report::{Bound, Report};
use crate::rows::print_progress;

/// The time limit. It includes filling the tables.
pub const TIME_LIMIT: Duration = Duration::from_mins(10);

/// The number of turns.
const TURNS: usize = 9;
/// The numbers of pending registrations.
const FEW_PENDING: usize = 50;
const MANY_PENDING: usize = 5_000;
/// The number of pages of a turn.
const PAGES: u32 = 25;
/// The number of decisions of one request, and of requests with one decision, in each turn.
const BATCH: usize = 50;
const SINGLES: usize = 10;
/// The numbers of rows of the audit log and of the outbox.
const FEW_ROWS: (u32, u32) = (1_000, 1_000);
const MANY_ROWS: (u32, u32) = (3_000_000, 200_000);
/// The number of deleted accounts. The first ones do not count, because the tables have just been filled.
const DELETIONS: usize = 40;
const WARM_UP_DELETIONS: usize = 8;

/// Measures all rows.
pub async fn measure() -> anyhow::Result<Report> {
    let mut report = Report::default();
    print_progress(&format!("Creating {FEW_PENDING} and {MANY_PENDING} pending registrations…"));
    let mut few = Side::prepare(1, FEW_PENDING).await?;
    let mut many = Side::prepare(2, MANY_PENDING).await?;
    measure_queue(&few, &many, &mut report).await?;
    measure_decisions(&many, &mut report).await?;
    print_progress(&format!("Inserting {} rows of the audit log and {} emails…", MANY_ROWS.0, MANY_ROWS.1));
    few.fill(FEW_ROWS, DELETIONS).await?;
    many.fill(MANY_ROWS, DELETIONS).await?;
    measure_deletions(&few, &many, &mut report).await?;
    report.note(format!(
        "{} cores; {}; the load comes from the same machine, one request at a time",
        many.world.cores, many.world.services
    ));
    Ok(report)
}

/// Measures the page with the pending registrations.
async fn measure_queue(few: &Side, many: &Side, report: &mut Report) -> anyhow::Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for turn in 1..=TURNS {
        let (one, other) = (many.pages("/admin", PAGES).await?, few.pages("/admin", PAGES).await?);
        print_progress(&format!("{turn}/{TURNS} /admin: {one:.2} ms, {other:.2} ms"));
        ours.push(one);
        theirs.push(other);
    }
    report.ratio(
        &format!("GET /admin, {MANY_PENDING} pending"),
        format!("{:.2} ms", median(&ours)),
        format!("{:.2} ms: {FEW_PENDING} pending", median(&theirs)),
        median_ratio(&ours, &theirs),
        Bound::AtMost(1.5),
    );
    Ok(())
}

/// Measures many decisions in one request against one decision.
async fn measure_decisions(side: &Side, report: &mut Report) -> anyhow::Result<()> {
    let mut pending = side.pending().await?.into_iter();
    let (mut batches, mut singles) = (Vec::new(), Vec::new());
    for turn in 1..=TURNS {
        let before = side.count_active().await?;
        let mut single = 0.0;
        for person in pending.by_ref().take(SINGLES) {
            single += side.post("/do/decide", &decide_one(&person)).await?;
        }
        let people: Vec<Pending> = pending.by_ref().take(BATCH).collect();
        let batch = side.post("/do/decide_many", &decide_many(&people)).await?;
        let decided = side.count_active().await? - before;
        ensure!(decided == (SINGLES + BATCH) as u64, "only {decided} of {} were approved", SINGLES + BATCH);
        singles.push(single / SINGLES as f64);
        batches.push(batch);
        print_progress(&format!(
            "{turn}/{TURNS} {BATCH} decisions: {batch:.1} ms, one: {:.2} ms",
            single / SINGLES as f64
        ));
    }
    let what = format!("{BATCH} decisions in one request");
    report.ratio(
        &what,
        format!("{:.1} ms", median(&batches)),
        format!("{:.2} ms: one decision", median(&singles)),
        median_ratio(&batches, &singles),
        Bound::AtMost(BATCH as f64),
    );
    report.plain(&what, median(&batches) / 1e3, "s", Bound::AtMost(2.0));
    Ok(())
}

/// Returns the form that approves one account.
fn decide_one(person: &Pending) -> String {
    format!("id={}&mark={}&decision=approve", person.id, person.mark)
}

/// Returns the form that approves several accounts.
fn decide_many(people: &[Pending]) -> String {
    let people: Vec<String> =
        people.iter().map(|person| format!("&people%5B%5D={}%3A{}", person.id, person.mark)).collect();
    format!("decision=approve&unconfirmed=yes{}", people.concat())
}

/// Measures the deletion of an account by the owner of its email address.
async fn measure_deletions(few: &Side, many: &Side, report: &mut Report) -> anyhow::Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..DELETIONS {
        let (one, other) = (many.delete_account(number).await?, few.delete_account(number).await?);
        if number >= WARM_UP_DELETIONS {
            ours.push(one);
            theirs.push(other);
        }
    }
    print_progress(&format!("deleting an account: {:.2} ms, {:.2} ms", median(&ours), median(&theirs)));
    report.ratio(
        &format!("deleting an account, {} audit rows, {} emails", MANY_ROWS.0, MANY_ROWS.1),
        format!("{:.2} ms", median(&ours)),
        format!("{:.2} ms: {} and {}", median(&theirs), FEW_ROWS.0, FEW_ROWS.1),
        median_ratio(&ours, &theirs),
        Bound::AtMost(3.0),
    );
    Ok(())
}

/// Returns the median of the turns' ratios.
fn median_ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
    median(&ratios)
}
