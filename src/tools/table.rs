//! A table of text with aligned columns.

/// How the cells of a column stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// Rows of as many cells as there are columns. Cells hold nothing that steers a terminal; the table trusts that.
pub struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<String>>,
}

/// Between two columns.
const GAP: &str = "  ";

impl Table {
    /// With these headings; a table whose headings are all empty has none.
    pub fn new<const N: usize>(columns: [(&str, Side); N]) -> Table {
        let heading: Vec<String> = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
        let has_heading = heading.iter().any(|heading| !heading.is_empty());
        Table {
            sides: columns.iter().map(|(_, side)| *side).collect(),
            rows: if has_heading { vec![heading] } else { Vec::new() },
        }
    }

    /// One more row.
    pub fn push<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// All lines, each ended by a line end and without spaces before it.
    pub fn text(&self) -> String {
        let widths: Vec<usize> = (0..self.sides.len()).map(|column| self.width(column)).collect();
        self.rows.iter().map(|row| self.line(row, &widths) + "\n").collect()
    }

    fn width(&self, column: usize) -> usize {
        self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells = row.iter().zip(&self.sides).zip(widths).map(|((cell, side), &width)| match side {
            Side::Left => format!("{cell:<width$}"),
            Side::Right => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new([("NAME", Side::Left), ("N", Side::Right), ("", Side::Left)]);
        table.push(["größe".into(), "7".into(), "##".into()]);
        table.push(["b".into(), "1000".into(), String::new()]);
        assert_eq!(table.text(), "NAME      N\ngröße     7  ##\nb      1000\n");
    }

    #[test]
    fn a_table_without_headings_has_only_its_rows() {
        let mut table = Table::new([("", Side::Left), ("", Side::Right)]);
        table.push(["a".into(), "7".into()]);
        assert_eq!(table.text(), "a  7\n");
    }
}
