//! Every key of a contract, from its JSON Schema.

use serde_json::Value;

use super::{escaped, heading, row};

/// Where the schema keeps the parts of a contract.
const PARTS: &str = "$defs";

/// The page.
pub(super) fn page(schema: &Value) -> String {
    let mut text = heading(
        "Every key of a contract",
        "From the schema, which `knockproof contract schema` prints. A key marked * must be there.",
    );
    text.push_str(&table(schema));
    let parts = schema[PARTS].as_object().into_iter().flatten();
    for (name, part) in parts {
        let (title, what) = (name, escaped(description(part)));
        text.push_str(&format!("\n## {title}\n\n{what}\n"));
        if part["properties"].is_object() {
            text.push_str(&format!("\n{}", table(part)));
        }
        text.push_str(&choices(part));
    }
    text
}

/// The keys of an object.
fn table(object: &Value) -> String {
    let mut text = "| key | is | meaning |\n|---|---|---|\n".to_owned();
    let must = |key: &str| {
        object["required"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one == key))
    };
    for (key, value) in object["properties"].as_object().into_iter().flatten() {
        let star = if must(key) { " *" } else { "" };
        text.push_str(&row(&[&format!("`{key}`{star}"), &kind(value), description(value)]));
    }
    text
}

/// One of several forms, where the part has them.
fn choices(part: &Value) -> String {
    let forms = part["oneOf"].as_array().into_iter().flatten();
    let lines = forms.filter_map(|form| {
        let what = description(form);
        let written = match form["properties"].as_object().and_then(|all| all.keys().next()) {
            Some(key) => format!("{{ {key} = … }}"),
            None => form["const"].to_string(),
        };
        (!what.is_empty()).then(|| format!("- `{written}`: {}\n", escaped(what)))
    });
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

fn description(value: &Value) -> &str {
    value["description"].as_str().unwrap_or_default()
}

/// What kind of value it is, in words; a part of the contract by its name.
fn kind(value: &Value) -> String {
    if let Some(part) = value["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("[{part}](#{})", part.to_lowercase());
    }
    if let Some(any) = value["anyOf"].as_array() {
        let kinds = any.iter().filter(|one| one["type"] != "null").map(kind);
        return kinds.collect::<Vec<_>>().join(" or ");
    }
    let of = |value: &Value| match value.as_str() {
        Some("object") => "table".to_owned(),
        Some("array") => "list".to_owned(),
        Some("string") => "text".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("integer") => "whole number".to_owned(),
        other => other.unwrap_or_default().to_owned(),
    };
    let name = match &value["type"] {
        Value::Array(kinds) => kinds.iter().filter(|one| *one != "null").map(of).collect::<String>(),
        one => of(one),
    };
    let inner = [&value["items"], &value["additionalProperties"]];
    match inner.into_iter().find(|inner| inner.is_object()) {
        Some(inner) => format!("{name} of {}", kind(inner)),
        None => name,
    }
}
