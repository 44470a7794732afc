//! Which tensor of a file belongs to which parameter: by the map that the user gives, by equal names, or by shapes and
//! order.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use model::weights::Parameter;

use super::ImportError;
use super::source::Tensor;

/// What checkpoints keep weights under, beside an optimizer's state.
const HOLDERS: [&str; 5] = ["model_state_dict", "state_dict", "model", "net", "weights"];

/// The last parts of names that say what a tensor is.
const PARTS: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

/// A count of batches that PyTorch keeps beside running statistics, which nothing here needs.
const COUNT: &str = "num_batches_tracked";

/// How many names a message lists.
const LISTED: usize = 6;

/// The tensor of each parameter, and those of none.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) tensors: Vec<String>,
    pub(super) unused: Vec<String>,
}

/// What a tensor is: its part, if its name says so, and its shape.
type Signature = (Option<&'static str>, Vec<usize>);

/// Finds the tensor of each parameter. `map` is from names of tensors to names of parameters.
pub(super) fn pairs(
    path: &Path,
    wanted: &[Parameter],
    tensors: &[Tensor],
    map: HashMap<String, String>,
) -> Result<Found, ImportError> {
    let tensors: Vec<&Tensor> = (tensors.iter())
        .filter(|tensor| !tensor.name.ends_with(COUNT))
        .collect();
    let mut chosen = mapped(path, wanted, &tensors, &map)?;
    let taken: HashSet<&str> = chosen.values().copied().collect();
    let open: Vec<&Parameter> = (wanted.iter())
        .filter(|it| !chosen.contains_key(it.name.as_str()))
        .collect();
    let mut free: Vec<&Tensor> = (tensors.iter().copied())
        .filter(|it| !taken.contains(it.name.as_str()))
        .collect();
    free.sort_by_cached_key(|tensor| order(&tensor.name));
    let rest = match by_name(&open, &free) {
        Some(rest) => rest,
        None => by_shape(path, &open, &held(free))?,
    };
    chosen.extend(rest);
    let tensor = |parameter: &Parameter| chosen.get(parameter.name.as_str()).copied();
    let found: Option<Vec<&str>> = wanted.iter().map(tensor).collect();
    let found = found.unwrap_or_default();
    let used: HashSet<&str> = found.iter().copied().collect();
    let mut unused: Vec<&&Tensor> = (tensors.iter())
        .filter(|it| !used.contains(it.name.as_str()))
        .collect();
    unused.sort_by_cached_key(|tensor| order(&tensor.name));
    Ok(Found {
        tensors: found.into_iter().map(String::from).collect(),
        unused: unused.into_iter().map(|it| it.name.clone()).collect(),
    })
}

/// The pairs that the user's map names.
fn mapped<'a>(
    path: &Path,
    wanted: &'a [Parameter],
    tensors: &[&'a Tensor],
    map: &HashMap<String, String>,
) -> Result<HashMap<&'a str, &'a str>, ImportError> {
    let refuse = |reason: String| ImportError::Map {
        path: path.to_owned(),
        reason,
    };
    let mut entries: Vec<(&String, &String)> = map.iter().collect();
    entries.sort();
    let mut chosen = HashMap::new();
    for (tensor, parameter) in entries {
        let found = tensors.iter().find(|it| it.name == *tensor);
        let found = found.ok_or_else(|| refuse(format!("--map: has no tensor {tensor}")))?;
        let known = wanted.iter().find(|it| it.name == *parameter);
        let known = known
            .ok_or_else(|| refuse(format!("--map: the model has no parameter {parameter}")))?;
        if shape(found) != known.shape {
            return Err(refuse(format!(
                "--map: {tensor} has the shape {:?}, but {parameter} {:?}",
                found.shape, known.shape
            )));
        }
        if chosen
            .insert(known.name.as_str(), found.name.as_str())
            .is_some()
        {
            return Err(refuse(format!("--map: names {parameter} twice")));
        }
    }
    Ok(chosen)
}

/// Tensors of the same names as the parameters, all under one prefix or none.
fn by_name<'a>(wanted: &[&'a Parameter], free: &[&'a Tensor]) -> Option<Vec<(&'a str, &'a str)>> {
    let Some(first) = wanted.first() else {
        return Some(Vec::new());
    };
    let of: HashMap<&str, &Tensor> = free.iter().map(|it| (it.name.as_str(), *it)).collect();
    let prefixes = (free.iter()).filter_map(|it| it.name.strip_suffix(first.name.as_str()));
    let mut prefixes = prefixes.filter(|it| it.is_empty() || it.ends_with('.'));
    prefixes.find_map(|prefix| {
        let pair = |parameter: &&'a Parameter| {
            let tensor = of.get(format!("{prefix}{}", parameter.name).as_str())?;
            let fits = shape(tensor) == parameter.shape;
            fits.then_some((parameter.name.as_str(), tensor.name.as_str()))
        };
        wanted.iter().map(pair).collect()
    })
}

/// The tensors that a checkpoint keeps under one of the usual names; all of them if it does not.
fn held(free: Vec<&Tensor>) -> Vec<&Tensor> {
    let under = |holder: &&&str| {
        let prefix = format!("{holder}.");
        free.iter().any(|it| it.name.starts_with(&prefix))
    };
    match HOLDERS.iter().find(under) {
        Some(holder) => {
            let prefix = format!("{holder}.");
            let mut held = free;
            held.retain(|it| it.name.starts_with(&prefix));
            held
        }
        None => free,
    }
}

/// Pairs of the same part and shape: one after the other if both sides have the same ones in the same order, or else
/// those that are the only ones of their kind.
fn by_shape<'a>(
    path: &Path,
    wanted: &[&'a Parameter],
    free: &[&'a Tensor],
) -> Result<Vec<(&'a str, &'a str)>, ImportError> {
    let ours: Vec<Signature> = wanted
        .iter()
        .map(|it| (part(&it.name), it.shape.clone()))
        .collect();
    let fitting: Vec<(Signature, &Tensor)> = (free.iter())
        .map(|it| ((part(&it.name), shape(it)), *it))
        .filter(|(signature, _)| ours.contains(signature))
        .collect();
    let names = || wanted.iter().map(|it| it.name.as_str());
    if ours
        .iter()
        .eq(fitting.iter().map(|(signature, _)| signature))
    {
        let tensors = fitting.iter().map(|(_, it)| it.name.as_str());
        return Ok(names().zip(tensors).collect());
    }
    let same = |signature: &Signature| -> Vec<&'a str> {
        let same = fitting.iter().filter(|(it, _)| it == signature);
        same.map(|(_, it)| it.name.as_str()).collect()
    };
    let needed = |signature: &Signature| ours.iter().filter(|it| *it == signature).count();
    let lacking = |signature: &Signature| same(signature).len() < needed(signature);
    let missing: Vec<String> = (ours.iter().zip(wanted))
        .filter(|(signature, _)| lacking(signature))
        .map(|(_, it)| format!("{} {:?}", it.name, it.shape))
        .collect();
    if !missing.is_empty() {
        let unused = free.iter().filter(|it| {
            let signature = (part(&it.name), shape(it));
            !ours.contains(&signature) || lacking(&signature)
        });
        return Err(ImportError::Missing {
            path: path.to_owned(),
            missing: list(missing.into_iter()),
            unused: list(unused.map(|it| format!("{} {:?}", it.name, it.shape))),
        });
    }
    let pair =
        |(signature, parameter): (&Signature, &&'a Parameter)| match same(signature).as_slice() {
            [one] => Ok((parameter.name.as_str(), *one)),
            several => Err(ImportError::Ambiguous {
                path: path.to_owned(),
                found: list(several.iter().map(|it| (*it).to_owned())),
                parameter: parameter.name.clone(),
            }),
        };
    ours.iter().zip(wanted).map(pair).collect()
}

/// The first few of some names.
fn list(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    let more = names.len().saturating_sub(LISTED);
    names.truncate(LISTED);
    match (names.is_empty(), more) {
        (true, _) => "none".into(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{} and {more} more", names.join(", ")),
    }
}

/// A tensor's shape as a parameter has it: a convolution of a series is one of pictures of one row.
fn shape(tensor: &Tensor) -> Vec<usize> {
    match *tensor.shape.as_slice() {
        [outputs, inputs, length] => vec![outputs, inputs, 1, length],
        _ => tensor.shape.clone(),
    }
}

/// What a name says a tensor is.
fn part(name: &str) -> Option<&'static str> {
    let mut words = name.rsplit('.');
    let last = words.next().unwrap_or_default();
    // A list of biases, as tied layers have it.
    let last = match last.parse::<usize>() {
        Ok(_) => words.next().and_then(|it| it.rsplit('_').next()),
        Err(_) => Some(last),
    };
    PARTS.into_iter().find(|part| Some(*part) == last)
}

/// By what tensors are sorted: encoders before what is neither encoder nor decoder, numbers as such, and a module's
/// weight before its bias.
fn order(name: &str) -> (u8, Vec<(String, u64)>, usize) {
    let lower = name.to_lowercase();
    let side = match (lower.contains("enc"), lower.contains("dec")) {
        (true, false) => 0,
        (false, true) => 2,
        _ => 1,
    };
    let kind = part(name);
    let place = PARTS.iter().position(|it| Some(*it) == kind);
    let module = match (kind, name.rsplit_once('.')) {
        (Some(_), Some((module, _))) => module,
        _ => name,
    };
    (side, natural(module), place.unwrap_or(PARTS.len()))
}

/// A name as words, each with the number behind it.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts: Vec<(String, u64)> = vec![(String::new(), 0)];
    let mut in_number = false;
    for letter in name.chars() {
        let digit = letter.to_digit(10);
        if digit.is_none() && in_number {
            parts.push((String::new(), 0));
        }
        in_number = digit.is_some();
        let Some((word, number)) = parts.last_mut() else {
            continue;
        };
        match digit {
            Some(digit) => *number = number.saturating_mul(10).saturating_add(digit.into()),
            None => word.push(letter),
        }
    }
    parts
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
