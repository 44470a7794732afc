//! The scores as a table.

use data::{Columns, Entries};

use super::report::{Report, Verdict};
use super::{Place, Span};

/// A row for each sample.
pub fn columns(report: &Report) -> Columns {
    let scores = &report.scores;
    let texts =
        |of: &dyn Fn(&Verdict) -> Option<String>| Entries::Texts(scores.iter().map(of).collect());
    let numbers = |of: &dyn Fn(&Verdict) -> f64| Entries::Numbers(scores.iter().map(of).collect());
    let whole = |of: &dyn Fn(&Verdict) -> Option<usize>| {
        let number = |it: &Verdict| of(it).and_then(|number| i64::try_from(number).ok());
        Entries::Whole(scores.iter().map(number).collect())
    };
    let mut table = Columns::new();
    table.add("name", texts(&|it| Some(it.name.clone())));
    table.add("score", numbers(&|it| it.score));
    table.add("threshold", numbers(&|_| report.threshold));
    table.add("verdict", texts(&|it| Some(it.word().to_owned())));
    if scores.iter().any(|it| it.place.is_some()) {
        let of = |of: fn(&Place) -> usize| whole(&move |it: &Verdict| it.place.as_ref().map(of));
        let frame = |it: &Verdict| it.place.as_ref().and_then(|it| it.frame);
        if scores.iter().any(|it| frame(it).is_some()) {
            table.add("frame", whole(&frame));
        }
        table.add("top", of(|it| it.top));
        table.add("left", of(|it| it.left));
        table.add("height", of(|it| it.height));
        table.add("width", of(|it| it.width));
    }
    let tile = |it: &Verdict| it.place.and_then(|it| it.tile);
    if scores.iter().any(|it| tile(it).is_some()) {
        table.add("tile_top", whole(&|it| tile(it).map(|it| it[0])));
        table.add("tile_left", whole(&|it| tile(it).map(|it| it[1])));
    }
    if scores.iter().any(|it| it.span.is_some()) {
        let step = |of: fn(&Span) -> usize| whole(&move |it: &Verdict| it.span.as_ref().map(of));
        let time = |of: fn(&Span) -> &Option<String>| {
            texts(&move |it: &Verdict| it.span.as_ref().and_then(|it| of(it).clone()))
        };
        table.add("first_step", step(|it| it.first_step));
        table.add("last_step", step(|it| it.last_step));
        table.add("first_time", time(|it| &it.first_time));
        table.add("last_time", time(|it| &it.last_time));
    }
    let fields = scores.iter().map(|it| it.fields.len()).max();
    for at in 0..fields.unwrap_or_default() {
        let name = |it: &Verdict| it.fields.get(at).map(|it| it.name.clone());
        let share = |it: &Verdict| it.fields.get(at).map_or(f64::NAN, |it| rounded(it.share));
        table.add(format!("column{}", at + 1), texts(&name));
        table.add(format!("share{}", at + 1), numbers(&share));
    }
    table
}

/// A share with four digits behind the point: more say nothing.
fn rounded(share: f64) -> f64 {
    (share * 1e4).round() / 1e4
}
