//! A table of text with aligned columns.

/// Alignment of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Align {
    /// For text.
    Left,
    /// For numbers.
    Right,
}

/// A table. All rows have as many cells as there are columns. The caller escapes the cells.
pub struct Table {
    alignments: Vec<Align>,
    rows: Vec<Vec<String>>,
}

/// Space between two columns.
const GAP: &str = "  ";

impl Table {
    /// A table with these headings, or without a heading line if all of them are empty.
    pub fn new<const N: usize>(columns: [(&str, Align); N]) -> Table {
        let heading: Vec<String> = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
        let has_heading = heading.iter().any(|heading| !heading.is_empty());
        Table {
            alignments: columns.iter().map(|(_, alignment)| *alignment).collect(),
            rows: if has_heading { vec![heading] } else { Vec::new() },
        }
    }

    /// Appends a row.
    pub fn push<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// All lines, without trailing spaces.
    pub fn text(&self) -> String {
        let widths: Vec<usize> = (0..self.alignments.len()).map(|column| self.width(column)).collect();
        self.rows.iter().map(|row| self.line(row, &widths) + "\n").collect()
    }

    fn width(&self, column: usize) -> usize {
        self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells =
            row.iter().zip(&self.alignments).zip(widths).map(|((cell, alignment), &width)| match alignment {
                Align::Left => format!("{cell:<width$}"),
                Align::Right => format!("{cell:>width$}"),
            });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new([("NAME", Align::Left), ("N", Align::Right), ("", Align::Left)]);
        table.push(["größe".into(), "7".into(), "##".into()]);
        table.push(["b".into(), "1000".into(), String::new()]);
        assert_eq!(table.text(), "NAME      N\ngröße     7  ##\nb      1000\n");
    }

    #[test]
    fn a_table_without_headings_has_only_its_rows() {
        let mut table = Table::new([("", Align::Left), ("", Align::Right)]);
        table.push(["a".into(), "7".into()]);
        assert_eq!(table.text(), "a  7\n");
    }
}
