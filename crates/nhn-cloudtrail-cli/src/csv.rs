//! CSV as RFC 4180 has it, harmless in a spreadsheet.

/// The byte-order mark of UTF-8, without which Excel takes a CSV for one in the code page of Windows.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Appends a row.
pub(crate) fn write_row<'a>(out: &mut Vec<u8>, cells: impl Iterator<Item = &'a str>) {
    write_typed(out, cells.map(|cell| (cell, false)));
}

/// Appends a row of cells, of which some are numbers.
pub(crate) fn write_typed<'a>(out: &mut Vec<u8>, cells: impl Iterator<Item = (&'a str, bool)>) {
    let begin = out.len();
    for (index, (cell, is_number)) in cells.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_cell(out, cell, !is_number && runs_in_a_spreadsheet(cell));
    }
    // A blank line would be no row.
    if out.len() == begin {
        out.extend_from_slice(b"\"\"");
    }
    out.push(b'\n');
}

fn write_cell(out: &mut Vec<u8>, cell: &str, guard: bool) {
    let quoted =
        cell.contains([',', '"', '\r', '\n']) || cell.starts_with(' ') || cell.ends_with(' ');
    if quoted {
        out.push(b'"');
    }
    if guard {
        out.push(b'\'');
    }
    for byte in cell.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    if quoted {
        out.push(b'"');
    }
}

/// Whether a spreadsheet would take the text for a formula. The wide forms are read as the plain
/// ones where East Asian languages are set.
fn runs_in_a_spreadsheet(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> String {
        let mut out = Vec::new();
        write_row(&mut out, cells.iter().copied());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(row(&["a", "", "한글", "x y"]), "a,,한글,x y\n");
        assert_eq!(
            row(&["a,b", "say \"hi\"", "two\nlines"]),
            "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\n"
        );
        assert_eq!(row(&[" blank", "\"\""]), "\" blank\",\"\"\"\"\"\"\n");
        assert_eq!(row(&["x "]), "\"x \"\n");
    }

    #[test]
    fn a_row_is_never_a_blank_line() {
        assert_eq!(row(&[""]), "\"\"\n");
        assert_eq!(row(&["", ""]), ",\n");
    }

    #[test]
    fn formulas_are_made_harmless() {
        assert_eq!(
            row(&["=1+1", "+82-10", "-1", "@SUM(A1)", "\tx", "a=b"]),
            "'=1+1,'+82-10,'-1,'@SUM(A1),'\tx,a=b\n"
        );
        assert_eq!(row(&["=HYPERLINK(\"http://x\")"]), "\"'=HYPERLINK(\"\"http://x\"\")\"\n");
        assert_eq!(row(&["\r=1", "＝1"]), "\"'\r=1\",'＝1\n");
        assert_eq!(row(&["\n=1"]), "\"'\n=1\"\n");
        assert_eq!(row(&["＠x", "＋1", "－1"]), "'＠x,'＋1,'－1\n");
    }
}
