//! The order of numbered names in which 2 comes before 10, and what is missing in a numbering.

use std::cmp::Ordering;

/// Compares names, runs of digits in them as numbers. Names that differ in zeros before numbers alone are compared as
/// they are.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one, other);
    loop {
        if left.is_empty() || right.is_empty() {
            return left.len().cmp(&right.len()).then_with(|| one.cmp(other));
        }
        let (a, after_left) = chunk(left);
        let (b, after_right) = chunk(right);
        let both = |text: &str| text.starts_with(|it: char| it.is_ascii_digit());
        let order = match both(a) && both(b) {
            true => {
                let [a, b] = [a, b].map(|digits| digits.trim_start_matches('0'));
                a.len().cmp(&b.len()).then_with(|| a.cmp(b))
            }
            false => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (after_left, after_right);
    }
}

/// The digits, or what is none, at the start, and the rest.
fn chunk(text: &str) -> (&str, &str) {
    let is_digit = text.starts_with(|it: char| it.is_ascii_digit());
    let end = text
        .find(|it: char| it.is_ascii_digit() != is_digit)
        .unwrap_or(text.len());
    text.split_at(end)
}

/// The number at the end of a name without its extension, or before what follows it.
pub(super) fn number(stem: &str) -> Option<u64> {
    let end = stem.rfind(|it: char| it.is_ascii_digit())? + 1;
    let head = stem.get(..end)?;
    let start = head.rfind(|it: char| !it.is_ascii_digit()).map_or(0, |at| {
        at + head[at..].chars().next().map_or(1, char::len_utf8)
    });
    head.get(start..)?.parse().ok()
}

/// The numbers that are missing between rising ones whose usual step is the smallest, in words; `None` if none are.
pub(super) fn missing(numbers: &[u64]) -> Option<String> {
    let steps = || numbers.iter().zip(numbers.iter().skip(1));
    let step = steps()
        .filter_map(|(one, other)| other.checked_sub(*one))
        .filter(|&step| step > 0)
        .min()?;
    let (mut found, mut more) = (Vec::new(), 0);
    for (&one, &other) in steps() {
        let first = one.saturating_add(step);
        if other <= first {
            continue;
        }
        if found.len() == NAMED {
            more += 1;
            continue;
        }
        let last = one + (other - one - 1) / step * step;
        found.push(match last <= first {
            true => first.to_string(),
            false => format!("{first} to {last}"),
        });
    }
    let words = found.join(", ");
    match (found.len(), more) {
        (0, _) => None,
        (_, 0) => Some(words),
        _ => Some(format!("{words} and {more} more gaps")),
    }
}

/// Gaps that a warning lists.
const NAMED: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        let mut names = ["f10", "f2", "f1", "f02", "a3b10", "a3b9", "f", "ä7", "g"];
        names.sort_by(|a, b| compare(a, b));
        assert_eq!(
            names,
            ["a3b9", "a3b10", "f", "f1", "f02", "f2", "f10", "g", "ä7"]
        );
        let long = format!("x{}", "9".repeat(40));
        assert_eq!(compare("x8", &long), Ordering::Less);
        assert_eq!(number("shot3_frame012_left"), Some(12));
        assert_eq!(number("é12"), Some(12));
        assert_eq!((number("none"), number(&long)), (None, None));
    }

    #[test]
    fn gaps_are_told_by_the_usual_step() {
        assert_eq!(missing(&[1, 2, 3]), None);
        assert_eq!(missing(&[0, 5, 10, 20, 25]), Some("15".into()));
        assert_eq!(missing(&[1, 2, 7, 8]), Some("3 to 6".into()));
        assert_eq!(missing(&[]), None);
        let many: Vec<u64> = [0].into_iter().chain((1..9).map(|it| it * 3 - 2)).collect();
        assert_eq!(
            missing(&many),
            Some("2 to 3, 5 to 6, 8 to 9 and 4 more gaps".into())
        );
    }
}
