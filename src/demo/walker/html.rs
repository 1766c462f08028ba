//! A tiny reader of our own pages: tags, attributes, forms. No HTML parser: it knows well-formed markup without scripts that
//! hold tags, which is what this project's templates write.

use std::collections::BTreeMap;

/// An element: its start tag and the text inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The tag, in lower case.
    pub name: String,
    /// The attributes, with entities decoded; one without a value has the empty text.
    pub attributes: BTreeMap<String, String>,
    /// The text inside, without tags and with entities decoded; for what has no end tag, empty.
    pub text: String,
    /// The markup inside.
    inner: String,
}

impl Element {
    /// An attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// A form as a browser would send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The `id`, or nothing.
    pub id: String,
    /// The `action` as written; empty: the page's own URL.
    pub action: String,
    /// Whether it is sent by POST.
    pub post: bool,
    /// Names and values of its inputs as found, buttons excepted.
    pub inputs: Vec<(String, String)>,
    /// Names and values of its buttons.
    pub buttons: Vec<(String, String)>,
}

/// Every element of `html` with the tag `name`.
pub fn elements(html: &str, name: &str) -> Vec<Element> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some((element, after)) = next_element(rest) {
        if element.name == name {
            found.push(element);
        }
        rest = after;
    }
    found
}

/// The element of `html` with the given `id`.
pub fn element_by_id(html: &str, id: &str) -> Option<Element> {
    let mut rest = html;
    while let Some((element, after)) = next_element(rest) {
        if element.attribute("id") == Some(id) {
            return Some(element);
        }
        rest = after;
    }
    None
}

/// The forms of a page, with the inputs that belong to them by place or by their `form` attribute.
pub fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    for element in elements(html, "form") {
        let attribute = |name: &str| element.attribute(name).unwrap_or_default().to_owned();
        let mut form = Form {
            id: attribute("id"),
            action: attribute("action"),
            post: attribute("method").eq_ignore_ascii_case("post"),
            inputs: Vec::new(),
            buttons: Vec::new(),
        };
        form.take_controls(&element.inner, None);
        forms.push(form);
    }
    for form in forms.iter_mut().filter(|form| !form.id.is_empty()) {
        let id = form.id.clone();
        form.take_controls(html, Some(&id));
    }
    forms
}

impl Form {
    /// Adds the controls in `html`: those that name `owner`, or without an owner those that name no other form.
    fn take_controls(&mut self, html: &str, owner: Option<&str>) {
        let mut rest = html;
        while let Some((element, after)) = next_element(rest) {
            rest = after;
            if element.attribute("form") != owner || element.attributes.contains_key("disabled") {
                continue;
            }
            let name = element.attribute("name").unwrap_or_default().to_owned();
            if name.is_empty() {
                continue;
            }
            let value = element.attribute("value").unwrap_or_default().to_owned();
            let kind = element.attribute("type").unwrap_or_default();
            match (element.name.as_str(), kind) {
                ("button", _) | ("input", "submit") => self.buttons.push((name, value)),
                ("input", "checkbox" | "radio") if !element.attributes.contains_key("checked") => {}
                ("input", "checkbox" | "radio") if value.is_empty() => self.inputs.push((name, "on".to_owned())),
                ("input", "button" | "reset" | "image" | "file") => {}
                ("input", _) => self.inputs.push((name, value)),
                ("textarea", _) => self.inputs.push((name, element.text)),
                ("select", _) => self.inputs.push((name, selected(&element.inner))),
                _other => {}
            }
        }
    }
}

/// The value of a `select`: the marked option, else the first.
fn selected(inner: &str) -> String {
    let options = elements(inner, "option");
    let chosen = options.iter().find(|option| option.attributes.contains_key("selected")).or_else(|| options.first());
    chosen.map(|option| option.attribute("value").unwrap_or(&option.text).to_owned()).unwrap_or_default()
}

/// The next start tag of `html` as an element, and what follows the tag (so that elements inside are found as well).
fn next_element(html: &str) -> Option<(Element, &str)> {
    let mut rest = html;
    loop {
        rest = rest.get(rest.find('<')? + 1..)?;
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->")?.1;
            continue;
        }
        if !rest.starts_with(|first: char| first.is_ascii_alphabetic()) {
            continue;
        }
        let name_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-')?;
        let name = rest.get(..name_end)?.to_ascii_lowercase();
        let (attributes, after) = attributes(rest.get(name_end..)?)?;
        let inner = inner_of(&name, after).to_owned();
        return Some((Element { text: text_of(&inner), name, attributes, inner }, after));
    }
}

/// The attributes up to the `>` of a start tag, and what follows it.
fn attributes(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut found = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return Some((found, after));
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/'))?;
        let name = rest.get(..end)?.to_ascii_lowercase();
        rest = rest.get(end..)?.trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            (value, rest) = attribute_value(after.trim_start())?;
        }
        // A stray `=` would otherwise be read for ever.
        if name.is_empty() && value.is_empty() {
            return None;
        }
        found.insert(name, decode(value));
    }
}

fn attribute_value(rest: &str) -> Option<(&str, &str)> {
    for quote in ['"', '\''] {
        if let Some(quoted) = rest.strip_prefix(quote) {
            return quoted.split_once(quote);
        }
    }
    let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '>')?;
    Some((rest.get(..end)?, rest.get(end..)?))
}

/// What stands between a start tag and its end tag; elements of the same name do not nest in our pages, `div` excepted,
/// whose inside nobody asks for.
fn inner_of<'a>(name: &str, after: &'a str) -> &'a str {
    const VOID: [&str; 6] = ["input", "img", "meta", "link", "br", "hr"];
    if VOID.contains(&name) {
        return "";
    }
    let end = after.match_indices("</").find(|(at, _)| {
        let tag = after.get(at + 2..).unwrap_or_default();
        tag.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name))
            && tag.get(name.len()..).is_some_and(|next| next.trim_start().starts_with('>'))
    });
    end.and_then(|(at, _)| after.get(..at)).unwrap_or_default()
}

fn text_of(inner: &str) -> String {
    let mut text = String::new();
    let mut rest = inner;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        rest = tag.split_once('>').map_or("", |(_tag, after)| after);
    }
    text.push_str(rest);
    decode(&text)
}

/// Decodes the entities that template engines write.
fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, entity)) = rest.split_once('&') {
        decoded.push_str(before);
        let character = entity.split_once(';').and_then(|(name, after)| Some((entity_of(name)?, after)));
        if let Some((character, after)) = character {
            decoded.push(character);
            rest = after;
        } else {
            decoded.push('&');
            rest = entity;
        }
    }
    decoded.push_str(rest);
    decoded
}

fn entity_of(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _number => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r##"<!doctype html><main data-page="wait" data-note='a &quot;b&quot; &#x2f; c'>
        <!-- <form id="ghost"></form> -->
        <form id="cancel" method="post" action="/login/1?a=1&amp;b=2"><input type=hidden name="csrf" value="t"><input
          name=identifier autofocus value="alice"><input type="checkbox" name="remember" value="yes">
          <input type="checkbox" name="agree" checked><button name="unnamed" value="1">No name</button></form>
        <input form="cancel" name="late" value="x"><form action="/search"><select name="s"><option value="1">a</option>
        <option value="2" selected>b</option></select><textarea name="t">x &lt; y</textarea></form>
        <pre id="id-token">{ &quot;sub&quot;: &quot;1&quot; }</pre></main>"##;

    #[test]
    fn a_form_is_read_with_its_inputs_as_found() {
        let forms = forms(PAGE);
        assert_eq!(forms.len(), 2, "a form in a comment is none");
        let cancel = &forms[0];
        assert_eq!((cancel.id.as_str(), cancel.action.as_str(), cancel.post), ("cancel", "/login/1?a=1&b=2", true));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(cancel.inputs, [pair("csrf", "t"), pair("identifier", "alice"), pair("agree", "on"), pair("late", "x")]);
        assert_eq!(cancel.buttons, [pair("unnamed", "1")]);
        assert_eq!(forms[1].inputs, [pair("s", "2"), pair("t", "x < y")]);
        assert!(!forms[1].post);
    }

    #[test]
    fn attributes_and_text_are_decoded() {
        let main = &elements(PAGE, "main")[0];
        assert_eq!(main.attribute("data-note"), Some("a \"b\" / c"));
        assert_eq!(element_by_id(PAGE, "id-token").unwrap().text, r#"{ "sub": "1" }"#);
        assert_eq!(decode("a & b &unknown; &#xzz;"), "a & b &unknown; &#xzz;");
    }

    #[test]
    fn broken_markup_ends_the_reading() {
        for junk in ["<", "<a", "<a b=", "<a =", "<form action=\"/x", "< form>", "<!-- x", "<a b='"] {
            assert!(forms(junk).is_empty(), "{junk:?}");
        }
    }
}
