//! The report: a table and notes.

use std::fmt;

/// The bound of a figure.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// The maximum.
    AtMost(f64),
    /// The minimum.
    AtLeast(f64),
}

impl Bound {
    fn allows(self, figure: f64) -> bool {
        match self {
            Self::AtMost(bound) => figure <= bound,
            Self::AtLeast(bound) => figure >= bound,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "at most {bound}"),
            Self::AtLeast(bound) => write!(f, "at least {bound}"),
        }
    }
}

/// A row: six cells, and true if the bound holds.
#[derive(Debug)]
struct Row {
    cells: [String; 6],
    holds: bool,
}

/// The table and the notes below it.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Report {
    /// Adds a figure whose ratio to another one has a bound.
    pub fn ratio(&mut self, what: &str, measured: String, against: String, ratio: f64, bound: Bound) {
        self.row(
            [what.to_owned(), measured, against, format!("{ratio:.2}"), bound.to_string()],
            ratio,
            bound,
        );
    }

    /// Adds a figure whose difference to another one has a bound.
    pub fn difference(&mut self, what: &str, measured: String, against: String, mib: f64, bound: Bound) {
        let cells =
            [what.to_owned(), measured, against, format!("{mib:+.1} MiB"), format!("{bound} MiB more")];
        self.row(cells, mib, bound);
    }

    /// Adds a figure that has a bound itself.
    pub fn plain(&mut self, what: &str, figure: f64, unit: &str, bound: Bound) {
        let none = || "–".to_owned();
        let measured = format!("{figure:.1} {unit}");
        self.row([what.to_owned(), measured, none(), none(), format!("{bound} {unit}")], figure, bound);
    }

    fn row(&mut self, cells: [String; 5], figure: f64, bound: Bound) {
        let [what, measured, against, ratio, limit] = cells;
        let holds = bound.allows(figure);
        let word = if holds { "yes" } else { "NO" };
        self.rows.push(Row { cells: [what, measured, against, ratio, limit, word.to_owned()], holds });
    }

    /// Adds a note below the table.
    pub fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// Returns true if every bound holds.
    pub fn holds(&self) -> bool {
        self.rows.iter().all(|row| row.holds)
    }

    /// Prints the report on standard output.
    pub fn print(&self) {
        print!("{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["what", "measured", "against", "ratio", "bound", "holds"].map(ToOwned::to_owned);
        let mut widths = head.each_ref().map(|cell| cell.chars().count());
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        line(f, &head, &widths)?;
        line(f, &widths.map(|width| "-".repeat(width)), &widths)?;
        for row in &self.rows {
            line(f, &row.cells, &widths)?;
        }
        writeln!(f)?;
        for note in &self.notes {
            writeln!(f, "- {note}")?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, cells: &[String; 6], widths: &[usize; 6]) -> fmt::Result {
    for (cell, &width) in cells.iter().zip(widths) {
        write!(f, "| {cell:<width$} ")?;
    }
    writeln!(f, "|")
}
