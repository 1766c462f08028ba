//! What a phone service says of somebody's phones: for programs, in a sentence, in a table.

use serde_json::{Value as Json, json};

use super::output;
use crate::upstream::{Phones, RegisteredPhone};

pub(super) fn count(phones: &Phones) -> usize {
    match phones {
        Phones::Nobody => 0,
        Phones::Listed(listed) => listed.len(),
        Phones::Counted(count) => usize::try_from(*count).unwrap_or(usize::MAX),
    }
}

pub(super) fn json(phones: &Phones) -> Json {
    let listed: Option<Vec<Json>> = match phones {
        Phones::Nobody => Some(Vec::new()),
        Phones::Listed(listed) => Some(listed.iter().map(phone_json).collect()),
        Phones::Counted(_) => None,
    };
    json!({ "known": *phones != Phones::Nobody, "count": count(phones), "phones": listed })
}

pub(super) fn phone_json(phone: &RegisteredPhone) -> Json {
    json!({
        "id": phone.id,
        "name": phone.name,
        "model": phone.model,
        "registered_on": phone.registered_on,
        "last_used_on": phone.last_used_on,
    })
}

pub(super) fn sentence(phones: &Phones) -> String {
    match phones {
        Phones::Nobody => "nobody of that name".to_owned(),
        Phones::Listed(listed) => with_names(listed),
        Phones::Counted(_) => how_many(count(phones)),
    }
}

/// `2 phones: Pixel 8, Virtual phone`.
pub(super) fn with_names(phones: &[RegisteredPhone]) -> String {
    let names: Vec<&str> = phones.iter().map(name).collect();
    let how_many = how_many(phones.len());
    if names.is_empty() { how_many } else { format!("{how_many}: {}", names.join(", ")) }
}

fn how_many(count: usize) -> String {
    match count {
        0 => "no phone".to_owned(),
        1 => "1 phone".to_owned(),
        _more => format!("{count} phones"),
    }
}

pub(super) fn name(phone: &RegisteredPhone) -> &str {
    phone.name.as_deref().or(phone.model.as_deref()).unwrap_or(&phone.id)
}

/// Each phone in a line, where the service tells of each.
pub(super) fn table(phones: &Phones) -> String {
    let Phones::Listed(listed) = phones else { return sentence(phones) };
    let row = |phone: &RegisteredPhone| -> Vec<String> {
        let RegisteredPhone { id, name, model, registered_on, last_used_on } = phone;
        let texts = [Some(id), name.as_ref(), model.as_ref(), registered_on.as_ref(), last_used_on.as_ref()];
        texts.into_iter().map(|text| text.cloned().unwrap_or_default()).collect()
    };
    let rows: Vec<Vec<String>> = listed.iter().map(row).collect();
    output::table(&["id", "name", "model", "registered", "last used"], &rows, "no phone")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_listed_counted_or_unknown() {
        let phone = |id: &str, name: Option<&str>| RegisteredPhone {
            id: id.to_owned(),
            name: name.map(str::to_owned),
            model: None,
            registered_on: Some("2026-01-31".to_owned()),
            last_used_on: None,
        };
        let two = Phones::Listed(vec![phone("d1", Some("Mine")), phone("d2", None)]);
        assert_eq!(sentence(&two), "2 phones: Mine, d2");
        assert_eq!(
            table(&two),
            "ID  NAME  MODEL  REGISTERED  LAST USED\nd1  Mine         2026-01-31\nd2               2026-01-31\n"
        );
        assert_eq!((json(&two)["count"].as_u64(), json(&two)["phones"][1]["id"].as_str()), (Some(2), Some("d2")));
        for (phones, said, known, count) in [
            (Phones::Nobody, "nobody of that name", false, 0),
            (Phones::Listed(Vec::new()), "no phone", true, 0),
            (Phones::Counted(1), "1 phone", true, 1),
            (Phones::Counted(3), "3 phones", true, 3),
        ] {
            assert_eq!((sentence(&phones).as_str(), table(&phones).trim_end()), (said, said));
            assert_eq!((&json(&phones)["known"], &json(&phones)["count"]), (&json!(known), &json!(count)));
        }
    }
}
