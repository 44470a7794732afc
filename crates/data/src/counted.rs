//! Numbers with what they count, in the singular and the plural.

/// A number and its noun, for example `1 picture`, `2 pictures`, `3 classes`.
pub fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {}", plural(noun)),
    }
}

/// The plural of a regular noun, or of words that end in one.
fn plural(noun: &str) -> String {
    let vowel = |letter: char| "aeiou".contains(letter);
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(vowel) => format!("{stem}ies"),
        _ if ["s", "x", "ch", "sh"].iter().any(|it| noun.ends_with(it)) => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_all_else_plural() {
        let found = [0, 1, 2].map(|count| counted(count, "test picture"));
        assert_eq!(
            found,
            ["0 test pictures", "1 test picture", "2 test pictures"]
        );
        let found = ["class", "batch", "entropy", "array"].map(|noun| counted(3, noun));
        assert_eq!(found, ["3 classes", "3 batches", "3 entropies", "3 arrays"]);
    }
}
