//! Lines of Python, indented by blocks.

/// A text under construction.
#[derive(Default)]
pub(super) struct Lines {
    text: String,
    depth: usize,
    /// What `x` will be, before it is written as a line.
    pending: Option<String>,
}

/// One level.
const INDENT: &str = "    ";

impl Lines {
    /// One line at the present level.
    pub(super) fn add(&mut self, line: &str) {
        if !line.is_empty() {
            self.text.push_str(&INDENT.repeat(self.depth));
            self.text.push_str(line);
        }
        self.text.push('\n');
    }

    /// An empty line.
    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Puts a function around `x`, without a line of its own yet.
    pub(super) fn wrap(&mut self, function: impl FnOnce(&str) -> String) {
        let x = self.pending.take();
        self.pending = Some(function(x.as_deref().unwrap_or("x")));
    }

    /// Writes what was put around `x` so far, as a line that sets a variable.
    pub(super) fn set(&mut self, variable: &str) {
        if let Some(x) = self.pending.take() {
            self.add(&format!("{variable} = {x}"));
        }
    }

    /// Returns what was put around `x` so far.
    pub(super) fn give(&mut self) {
        let x = self.pending.take();
        self.add(&format!("return {}", x.as_deref().unwrap_or("x")));
    }

    /// Several of them.
    pub(super) fn blanks(&mut self, count: usize) {
        (0..count).for_each(|_| self.blank());
    }

    /// What is written by `write` is a block of its own.
    pub(super) fn inside<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> T {
        self.depth += 1;
        let result = write(self);
        self.depth -= 1;
        result
    }

    /// A text as it is.
    pub(super) fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// All of it.
    pub(super) fn finish(self) -> String {
        self.text
    }
}
