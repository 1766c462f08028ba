//! Reads forms that carry a file, as browsers send them (RFC 7578).

/// Names and contents of a form's fields, in their order. `None`: it is no such form, or it was cut off.
pub(super) fn fields(content_type: &str, body: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let (kind, parameters) = content_type.split_once(';')?;
    let boundary = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("boundary="))?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let delimiter = format!("\r\n--{}", boundary.trim_matches('"'));
    // Each delimiter begins with the end of a line, but for the first.
    let whole = [b"\r\n".as_slice(), body].concat();
    let parts = split(&whole, delimiter.as_bytes());
    let (end, parts) = parts.split_last()?;
    if !end.starts_with(b"--") {
        return None;
    }
    // What is before the first delimiter is for nobody.
    parts.iter().skip(1).map(|part| field(part)).collect()
}

fn field(part: &[u8]) -> Option<(String, Vec<u8>)> {
    let at = find(part, b"\r\n\r\n")?;
    let (head, content) = part.split_at(at);
    let head = std::str::from_utf8(head).ok()?;
    let described = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let name = described.split(';').find_map(|piece| piece.trim().strip_prefix("name=\""))?.strip_suffix('"')?;
    Some((name.to_owned(), content.get(4..)?.to_vec()))
}

fn split<'a>(mut rest: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(at) = find(rest, delimiter) {
        let (part, after) = rest.split_at(at);
        parts.push(part);
        rest = after.get(delimiter.len()..).unwrap_or_default();
    }
    parts.push(rest);
    parts
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|piece| piece == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=----WebKitFormBoundaryA1";
    const BODY: &[u8] = b"------WebKitFormBoundaryA1\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nT\xC3\xA4xi\r\n\
        ------WebKitFormBoundaryA1\r\nContent-Disposition: form-data; name=\"logo\"; filename=\"a; name=.png\"\r\n\
        Content-Type: image/png\r\n\r\n\x89PNG\r\n\r\n\x00\xFF\r\n------WebKitFormBoundaryA1--\r\n";

    #[test]
    fn fields_and_files_are_read_byte_for_byte() {
        let expected = [("name".to_owned(), "Täxi".into()), ("logo".to_owned(), b"\x89PNG\r\n\r\n\x00\xFF".to_vec())];
        assert_eq!(fields(KIND, BODY).unwrap(), expected);
        let quoted = "Multipart/Form-Data; charset=utf-8; boundary=\"----WebKitFormBoundaryA1\"";
        assert_eq!(fields(quoted, BODY).unwrap(), expected);
        assert_eq!(fields(KIND, b"------WebKitFormBoundaryA1--\r\n"), Some(Vec::new()));
    }

    #[test]
    fn a_form_that_was_cut_off_is_none() {
        let complete = BODY.len() - 2;
        for end in 0..complete {
            assert_eq!(fields(KIND, &BODY[..end]), None, "{end}");
        }
        assert!(fields(KIND, &BODY[..complete]).is_some());
    }

    #[test]
    fn other_forms_are_none() {
        let nameless = b"--x\r\nContent-Type: text/plain\r\n\r\na\r\n--x--\r\n";
        assert_eq!(fields("multipart/form-data; boundary=x", nameless), None);
        for kind in ["", "multipart/form-data", "text/plain; boundary=----WebKitFormBoundaryA1", "application/json"] {
            assert_eq!(fields(kind, BODY), None, "{kind}");
        }
    }
}
