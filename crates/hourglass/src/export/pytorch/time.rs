//! Frames of clips in PyTorch's terms: between pictures with frames from top to bottom and batches of frames, and what
//! happens along time alone.

use model::Time;

use super::lines::Lines;
use crate::export::steps::Form;

/// `x` in another form.
pub(super) fn change(lines: &mut Lines, from: Form, to: Form) {
    if let Form::Frames([_, frames, ..]) = from {
        lines.wrap(|x| format!("{x}.unflatten(0, (-1, {frames})).transpose(1, 2)"));
    }
    lines.wrap(|x| match (from, to) {
        (Form::Frames(_), Form::Maps(_)) => format!("{x}.flatten(2, 3)"),
        (_, Form::Flat(_)) => format!("{x}.flatten(1)"),
        (_, Form::Maps([channels, height, width])) => {
            format!("{x}.reshape(-1, {channels}, {height}, {width})")
        }
        (_, Form::Frames([channels, frames, height, width])) => format!(
            "{x}.reshape(-1, {channels}, {frames}, {height}, {width}).transpose(1, 2).flatten(0, 1)"
        ),
    });
}

/// What happens along time, of maps `[N T, C, H, W]`.
pub(super) fn lines(lines: &mut Lines, change: Time, from: Form) {
    let frames = from.frames();
    lines.set("x");
    lines.wrap(|x| format!("{x}.unflatten(0, (-1, {frames}))"));
    let is_paired = matches!(change, Time::Max | Time::Average | Time::Unshuffle);
    if is_paired && frames % 2 == 1 && (frames > 1 || change == Time::Unshuffle) {
        lines.set("x");
        lines.wrap(|x| format!("torch.cat([{x}, {x}[:, -1:]], 1)"));
    }
    let x = match change {
        Time::Neighbours { count, stride } => {
            let around = count / 2;
            if around > 0 {
                lines.wrap(|x| format!("F.pad({x}, (0, 0, 0, 0, 0, 0, {around}, {around}))"));
            }
            let step = match stride {
                1 => String::new(),
                stride => format!(":{stride}"),
            };
            Some(format!(
                "torch.cat([x[:, i:i + {frames}{step}] for i in range({count})], 2)"
            ))
        }
        Time::Max if frames > 1 => Some("torch.maximum(x[:, 0::2], x[:, 1::2])".into()),
        Time::Average if frames > 1 => Some("((x[:, 0::2] + x[:, 1::2]) / 2)".into()),
        // One frame stays as it is.
        Time::Max | Time::Average => None,
        Time::Unshuffle => Some("torch.cat([x[:, 0::2], x[:, 1::2]], 2)".into()),
        Time::Repeat { frames } => Some(format!("x.repeat_interleave(2, 1)[:, :{frames}]")),
        Time::Spread { frames } => Some(format!(
            "torch.stack([x, torch.zeros_like(x)], 2).flatten(1, 2)[:, :{frames}]"
        )),
        Time::Shuffle { frames } => Some(format!(
            "torch.stack(x.chunk(2, 2), 2).flatten(1, 2)[:, :{frames}]"
        )),
    };
    if let Some(changed) = x {
        lines.set("x");
        lines.wrap(|_| changed);
    }
    lines.wrap(|x| format!("{x}.flatten(0, 1)"));
}
