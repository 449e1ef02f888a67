//! Sizes: a function fits on a screen, a file can be read in one sitting.

use crate::source::{all_sources, code_of, read, relative};

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 500;

/// The functions of the code that have more than `FUNCTION_LINES_MAX` lines, each with its length.
fn long_functions(code: &str) -> Vec<String> {
    let lines: Vec<&str> = code.lines().collect();
    let mut long = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some(name) = function_name(line.trim_start()) else { continue };
        // Rustfmt closes a function with a brace below its first letter.
        let end = lines[start..].iter().position(|line| line.len() == indent + 1 && line.ends_with('}'));
        let count = end.map_or(1, |end| end + 1);
        if count > FUNCTION_LINES_MAX {
            long.push(format!("{name} has {count} lines"));
        }
    }
    long
}

/// The name of the function whose declaration begins the line and goes on in the lines below.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let qualifiers = ["pub", "pub(crate)", "pub(super)", "const", "async"];
    let declares =
        before.split_whitespace().all(|word| qualifiers.contains(&word) || word.starts_with("pub("));
    let open = !line.ends_with('}') && !line.ends_with(';');
    (declares && open).then(|| after.split(['(', '<']).next().unwrap_or(after))
}

#[test]
fn functions_and_files_are_short() {
    let mut faults = Vec::new();
    for path in all_sources() {
        let name = relative(&path);
        let text = read(&path);
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            faults.push(format!("{name} has {lines} lines"));
        }
        faults.extend(long_functions(&text).into_iter().map(|fault| format!("{name}: {fault}")));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn long_functions_are_found() {
    let function =
        |lines: usize| format!("    pub fn f(x: u8) {{\n{}    }}\n", "        g();\n".repeat(lines - 2));
    assert_eq!(long_functions(&code_of(&function(70))), [""; 0]);
    assert_eq!(long_functions(&code_of(&function(71))), ["f has 71 lines"]);
    assert_eq!(long_functions("fn short() {}\n"), [""; 0]);
}
