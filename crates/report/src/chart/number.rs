//! Numbers as charts and tables write them.

/// The shortest that says it with two significant digits and without an exponent: 0.05, 0.002, 20.
pub fn plain_number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let digits = 1.0 - value.abs().log10().floor();
    let text = format!("{value:.*}", digits.max(0.0) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

/// A number with the four digits that people compare.
pub fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = (3.0 - value.abs().log10().floor()).clamp(0.0, 12.0);
    format!("{value:.*}", digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let all = [0.0043641, 23.4567, 1234.5, 1e-6].map(significant);
        assert_eq!(all, ["0.004364", "23.46", "1234", "0.000001000"]);
    }

    #[test]
    fn plain_numbers_have_no_exponent() {
        assert_eq!(
            [0.0, 0.05, 0.1, 2e-3, 20.0, 1.5].map(plain_number),
            ["0", "0.05", "0.1", "0.002", "20", "1.5"]
        );
    }
}
