//! Math: the transcendental functions behind activations and losses, for one `f32`, without
//! branches, so that a loop over a slice compiles to the vectors of whichever instruction set the
//! function around it enables.
//!
//! They use no fused multiply-add, so they give the same bits at every
//! [`Level`](crate::level::Level). NaN gives NaN, and infinities give the limits.

/// Adding this to a float below 2^22 in magnitude rounds it to an integer, which then also lies in
/// the low bits: 1.5 * 2^23.
const ROUND: f32 = 12_582_912.0;

/// ln 2 in two parts (Cody and Waite): the first has ten bits, so that its product with an exponent
/// is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// e^x within 1 unit in the last place, subnormal results included.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Past 89 the result is infinite and below -104 it is zero; NaN passes both comparisons.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    // Moshier's minimax polynomial (Cephes, expf.c) on [-ln 2 / 2, ln 2 / 2].
    let mut p = 1.987_569_2e-4;
    p = p * r + 1.398_2e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 0.166_666_65;
    p = p * r + 0.5;
    p = p * (r * r) + r + 1.0;
    // Two factors, because 2^n itself may lie outside the range of f32 where the result does not.
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = n >> 1;
    p * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// 2^n for an exponent of a normal f32.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// 1 / (1 + e^-x), which neither overflows nor cancels.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    sigmoid_of(x, exp(-x.abs()))
}

/// The sigmoid of `x` given `e^-|x|`.
#[inline(always)]
pub(crate) fn sigmoid_of(x: f32, exp_minus_abs: f32) -> f32 {
    let numerator = if x < 0.0 { exp_minus_abs } else { 1.0 };
    numerator / (1.0 + exp_minus_abs)
}

/// ln(1 + e) for e in [0, 1].
#[inline(always)]
pub(crate) fn ln_1p(e: f32) -> f32 {
    // ln(1 + e) = 2 artanh(s) with s = e / (2 + e) at most 1/3, where eight terms of the series
    // leave less than 1e-8 of the value.
    let s = e / (2.0 + e);
    let z = s * s;
    let mut p = 1.0 / 15.0;
    p = p * z + 1.0 / 13.0;
    p = p * z + 1.0 / 11.0;
    p = p * z + 1.0 / 9.0;
    p = p * z + 1.0 / 7.0;
    p = p * z + 1.0 / 5.0;
    p = p * z + 1.0 / 3.0;
    2.0 * (s + s * (z * p))
}

/// Hyperbolic tangent within 2 units in the last place.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    // Moshier's minimax polynomial (Cephes, tanhf.c) where the exponential would cancel.
    let z = x * x;
    let mut p = -5.704_988_7e-3;
    p = p * z + 2.063_909e-2;
    p = p * z - 5.373_971_6e-2;
    p = p * z + 0.133_314_42;
    p = p * z - 0.333_332_8;
    let small = x + x * (z * p);
    let large = 1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0);
    if x.abs() < 0.625 {
        small
    } else {
        large.copysign(x)
    }
}

/// The error function within 2 units in the last place.
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    // Juffa's minimax approximations: a polynomial near zero, and 1 - e^q(|x|) beyond.
    let (t, s) = (x.abs(), x * x);
    let mut p = -5.967_617e-4;
    p = p * s + 4.991_194e-3;
    p = p * s - 2.676_813_5e-2;
    p = p * s + 0.112_819_925;
    p = p * s - 0.376_125_34;
    p = p * s + 0.128_379_17;
    let small = x + x * p;
    let mut q = -1.728_534_7e-5 * t + 3.831_972_6e-4;
    q = q * s + (-3.883_964_4e-3 * t + 2.425_462_2e-2);
    q = q * t - 0.106_777_88;
    q = q * t - 0.634_846_9;
    q = q * t - 0.128_717_51;
    // Past 4 the result rounds to 1, and the polynomial is not made for it.
    let q = if t < 4.0 { q * t - t } else { -t * t };
    let large = 1.0 - exp(q);
    if t < 0.927_734_4 {
        small
    } else {
        large.copysign(x)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The error function by its Taylor series about zero, whose terms are all positive once
    /// e^(-x^2) is taken out.
    pub(crate) fn erf(x: f64) -> f64 {
        if x.abs() > 6.0 {
            return x.signum();
        }
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        sum * 2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp()
    }

    /// The largest error over a range, in units in the last place of the value.
    fn worst(got: fn(f32) -> f32, wanted: fn(f64) -> f64, from: f32, to: f32) -> f64 {
        let points = 200_000;
        let x = |i: usize| from + (to - from) * (i as f32 / points as f32);
        let error = |x: f32| {
            let wanted = wanted(x.into());
            let near = (wanted as f32).abs().max(f32::MIN_POSITIVE);
            let unit = f64::from(f32::from_bits(near.to_bits() + 1)) - f64::from(near);
            (f64::from(got(x)) - wanted).abs() / unit
        };
        (0..=points).map(|i| error(x(i))).fold(0.0, f64::max)
    }

    #[test]
    fn errors_are_a_few_units_in_the_last_place() {
        assert!(worst(exp, f64::exp, -104.0, 88.7) < 1.01);
        assert!(worst(exp, f64::exp, -1.0, 1.0) < 1.01);
        assert!(worst(sigmoid, |x| 1.0 / (1.0 + (-x).exp()), -87.0, 87.0) < 2.5);
        assert!(worst(ln_1p, f64::ln_1p, 0.0, 1.0) < 2.0);
        assert!(worst(ln_1p, f64::ln_1p, 0.0, 1e-5) < 2.0);
        assert!(worst(tanh, f64::tanh, -10.0, 10.0) < 2.0);
        assert!(worst(tanh, f64::tanh, -1e-3, 1e-3) < 2.0);
        assert!(worst(super::erf, erf, -5.0, 5.0) < 2.0);
        assert!(worst(super::erf, erf, -1e-3, 1e-3) < 2.0);
    }

    #[test]
    fn limits_and_nan() {
        let infinity = f32::INFINITY;
        assert_eq!(
            [exp(infinity), exp(89.0), exp(0.0)],
            [infinity, infinity, 1.0]
        );
        assert_eq!([exp(-infinity), exp(-104.0)], [0.0, 0.0]);
        // The largest finite and the smallest subnormal result.
        assert!(exp(88.7228).is_finite() && exp(-103.9) > 0.0);
        assert_eq!(
            [sigmoid(infinity), sigmoid(-infinity), sigmoid(0.0)],
            [1.0, 0.0, 0.5]
        );
        for odd in [tanh, super::erf] {
            assert_eq!([odd(infinity), odd(-infinity), odd(0.0)], [1.0, -1.0, 0.0]);
        }
        for function in [exp, sigmoid, tanh, super::erf, ln_1p] {
            assert!(function(f32::NAN).is_nan());
        }
    }
}
