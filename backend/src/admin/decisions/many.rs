//! Decisions about several accounts.
//!
//! # Guarantees
//!
//! - Each account is decided about in its own transaction and gets its own result.
//! - One request decides about at most [`MAX_BATCH`] accounts, and begins none after [`MAX_DURATION`].
//! - A decision about everyone who matches a filter reaches no account that the page could not show.

use std::time::Duration;

use crate::Backend;
use crate::admin::decisions::apply::{BatchContext, decide_in};
use crate::admin::decisions::batch::{begin_batch, count_batch, count_filtered, find_filtered};
use crate::error::{InternalError, UseCaseError};
use crate::infra::random;
use crate::sessions::CurrentUser;
use domain::decision::{BatchReport, DecisionForm, DecisionResult, FilteredQueue, MAX_BATCH, Mark, NextPart};
use domain::errors::{ErrorCode, FormErrors, error_reference};
use domain::status::{AdminAction, UserId};

/// The time after which a request begins no further account, so that it is answered before clients give up.
pub(super) const MAX_DURATION: Duration = Duration::from_secs(7);

/// The number of accounts above which the emails of one decision do not delay others.
const BULK: usize = 10;

/// Applies a decision to several accounts, each with the mark that the page has shown.
pub async fn decide_many(
    backend: &Backend,
    people: Vec<(UserId, Mark)>,
    form: &DecisionForm,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<BatchReport, UseCaseError> {
    let people: Vec<_> = people.into_iter().map(|(id, mark)| (id, Some(mark))).collect();
    match people.len() {
        0 => return Err(ErrorCode::NoneSelected.into()),
        1..=MAX_BATCH => {}
        _ => return Err(ErrorCode::TooManySelected(MAX_BATCH).into()),
    }
    let is_bulk = people.len() > BULK;
    let report = new_report(form.action, random::public_id());
    decide_each(backend, people, form, is_bulk, report, admin, client_ip).await
}

/// Applies a decision to the next [`MAX_BATCH`] accounts of a filtered queue, after the id `after`. `batch` is the id of the part
/// before, whose decision is continued.
pub async fn decide_filtered(
    backend: &Backend,
    queue: FilteredQueue,
    after: UserId,
    batch: Option<&str>,
    form: &DecisionForm,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<BatchReport, UseCaseError> {
    let (id, form) = begin_batch(backend, batch, form, admin).await?;
    let found = find_filtered(backend, &queue, form.action, after).await?;
    if found.is_empty() && batch.is_none() {
        return Err(ErrorCode::NoneSelected.into());
    }
    let ids: Vec<UserId> = found.iter().map(|(id, _)| *id).collect();
    let people = found.into_iter().map(|(id, mark)| (id, Some(mark))).collect();
    let mut report = new_report(form.action, id);
    report.before = count_batch(backend, &report.batch).await?;
    let mut report = decide_each(backend, people, &form, true, report, admin, client_ip).await?;
    // Accounts that were not begun are the last ones, and the next part begins with them.
    let begun = ids.len() - report.count(DecisionResult::NotBegun);
    report.results.retain(|(result, _)| *result != DecisionResult::NotBegun);
    let last = begun.checked_sub(1).and_then(|index| ids.get(index)).copied().unwrap_or(after);
    let remaining = count_filtered(backend, &queue, form.action, last).await?;
    report.next =
        (remaining > 0).then_some(NextPart { after: i64::from(last.0), remaining, queue: Some(queue) });
    Ok(report)
}

fn new_report(action: AdminAction, batch: String) -> BatchReport {
    BatchReport {
        batch,
        action,
        undo: false,
        before: 0,
        not_done_before: 0,
        results: Vec::new(),
        next: None,
        people: Vec::new(),
    }
}

/// Applies a decision to each of these accounts.
async fn decide_each(
    backend: &Backend,
    people: Vec<(UserId, Option<Mark>)>,
    form: &DecisionForm,
    is_bulk: bool,
    mut report: BatchReport,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<BatchReport, UseCaseError> {
    let id = report.batch.clone();
    let batch = BatchContext { id: Some(&id), is_bulk };
    let (begun_at, reference) = (backend.now(), random::reference());
    let mut seen = Vec::with_capacity(people.len());
    for (person, mark) in people {
        if seen.contains(&person) {
            continue;
        }
        seen.push(person);
        if backend.now().since(begun_at) > MAX_DURATION {
            report.add(person, DecisionResult::NotBegun);
            continue;
        }
        let decided = decide_in(backend, person, mark, form, batch, admin, client_ip).await;
        report.add(person, result_of(decided, reference, |decided| decided.repeated)?);
    }
    Ok(report)
}

/// Returns the result of one account, or an error that ends the batch because the administrator may not decide. `reference` is the
/// error reference of the request.
pub(super) fn result_of<T>(
    result: Result<T, UseCaseError>,
    reference: u64,
    is_repeated: impl FnOnce(&T) -> bool,
) -> Result<DecisionResult, UseCaseError> {
    match result {
        Ok(done) if is_repeated(&done) => Ok(DecisionResult::Already),
        Ok(_) => Ok(DecisionResult::Done),
        Err(UseCaseError::Rejected(FormErrors { form: Some(code), .. })) => match code {
            ErrorCode::SignedOut | ErrorCode::Forbidden => Err(code.into()),
            ErrorCode::AccountChanged | ErrorCode::WrongStatus(_) => Ok(DecisionResult::Changed),
            code => Ok(DecisionResult::Refused(code)),
        },
        Err(UseCaseError::Rejected(errors)) => Err(errors.into()),
        Err(UseCaseError::Internal(error)) => Ok(failed(&error, reference)),
    }
}

/// Logs the cause of a failure. The other accounts of the batch are not affected. All failures of a request have one reference, so
/// that its results fit a cookie.
fn failed(error: &InternalError, bits: u64) -> DecisionResult {
    tracing::error!(reference = error_reference(bits), cause = %error, "decision about one of several accounts failed");
    DecisionResult::Refused(ErrorCode::Internal(bits))
}
