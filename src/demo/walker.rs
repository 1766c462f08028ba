//! A browser without a screen: it walks the pages of a login over HTTP, form by form, as a person without JavaScript would.
//! It knows nothing of the provider beyond the contract of its pages.

use std::sync::Arc;

use html_escape::decode_html_entities;
use reqwest::cookie::{CookieStore as _, Jar};
use reqwest::header::{ACCEPT, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, Method, Response};
use tl::{HTMLTag, Parser, ParserOptions, VDom};
use url::Url;

use super::{DemoError, http};

const MAX_HOPS: usize = 20;

#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    Id(&'a str),
    /// The first that has a control (input or button) of this name.
    Control(&'a str),
}

#[derive(Clone, Debug)]
pub struct Page {
    /// Where it stands. After [`Walker::stop_at`] a redirect that was not followed has its target here.
    pub url: Url,
    pub status: u16,
    body: String,
}

struct Form {
    action: String,
    is_post: bool,
    inputs: Vec<(String, String)>,
}

impl Page {
    /// An attribute of `<main>`: `data-page`, `data-login-state`, …
    pub fn main(&self, attribute: &str) -> Option<String> {
        self.look("main", |main, _parser| text_of(main, attribute))
    }

    pub fn attribute(&self, id: &str, attribute: &str) -> Option<String> {
        self.look(&format!("#{id}"), |element, _parser| text_of(element, attribute))
    }

    pub fn text(&self, id: &str) -> Option<String> {
        self.look(&format!("#{id}"), inner_text)
    }

    pub fn query(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(key, _value)| key == name).map(|(_key, value)| value.into_owned())
    }

    /// Address, status and the beginning of the text, for messages.
    pub fn summary(&self) -> String {
        let text = self.look("main", inner_text);
        let text = text.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        let text: String = text.as_deref().unwrap_or(&self.body).chars().take(200).collect();
        format!("{} (HTTP {}), which says: {text}", self.url, self.status)
    }

    fn dom(&self) -> Option<VDom<'_>> {
        tl::parse(&self.body, ParserOptions::default()).ok()
    }

    /// What `read` finds in the first element that the CSS selector names.
    fn look(&self, selector: &str, read: impl for<'d> FnOnce(&HTMLTag<'d>, &Parser<'d>) -> Option<String>) -> Option<String> {
        let dom = self.dom()?;
        read(dom.query_selector(selector)?.next()?.get(dom.parser())?.as_tag()?, dom.parser())
    }

    fn form(&self, which: Which<'_>) -> Option<Form> {
        let dom = self.dom()?;
        let parser = dom.parser();
        let mut forms = dom.query_selector("form")?.filter_map(|form| form.get(parser)?.as_tag());
        let form = forms.find(|form| match which {
            Which::Id(id) => text_of(form, "id").as_deref() == Some(id),
            Which::Control(name) => ["input", "button"]
                .iter()
                .any(|tag| elements(form, parser, tag).any(|control| text_of(control, "name").as_deref() == Some(name))),
        })?;
        Some(Form {
            action: text_of(form, "action").unwrap_or_default(),
            is_post: text_of(form, "method").is_some_and(|method| method.eq_ignore_ascii_case("post")),
            inputs: elements(form, parser, "input").filter_map(input).collect(),
        })
    }
}

/// An attribute, decoded; one without a value is the empty text.
fn text_of(element: &HTMLTag<'_>, attribute: &str) -> Option<String> {
    let value = element.attributes().get(attribute)?.map(|value| value.as_utf8_str());
    Some(decode_html_entities(value.as_deref().unwrap_or_default()).into_owned())
}

fn inner_text<'d>(element: &HTMLTag<'d>, parser: &Parser<'d>) -> Option<String> {
    Some(decode_html_entities(&element.inner_text(parser)).into_owned())
}

fn elements<'d>(form: &'d HTMLTag<'d>, parser: &'d Parser<'d>, tag: &'d str) -> impl Iterator<Item = &'d HTMLTag<'d>> {
    form.query_selector(parser, tag).into_iter().flatten().filter_map(move |found| found.get(parser)?.as_tag())
}

/// Name and value of an input as a browser sends it when another button is pressed.
fn input(input: &HTMLTag<'_>) -> Option<(String, String)> {
    let name = text_of(input, "name")?;
    let value = text_of(input, "value");
    match text_of(input, "type").as_deref() {
        Some("submit" | "button") => None,
        Some("checkbox" | "radio") if !input.attributes().contains("checked") => None,
        Some("checkbox" | "radio") => Some((name, value.unwrap_or_else(|| "on".to_owned()))),
        _text => Some((name, value.unwrap_or_default())),
    }
}

fn not_a_url(text: &str) -> String {
    format!("{text:?} is not a URL")
}

#[derive(Clone)]
pub struct Walker {
    http: Client,
    pub cookies: Arc<Jar>,
    stop_at: Option<String>,
}

impl Walker {
    pub fn new() -> reqwest::Result<Self> {
        Ok(Self { http: http::client()?, cookies: Arc::default(), stop_at: None })
    }

    /// Another browser: no cookies, the same connections.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { cookies: Arc::default(), ..self.clone() }
    }

    /// Does not follow redirects to URLs that begin so, but hands them out as the page's URL: to see an authorization answer.
    #[must_use]
    pub fn stop_at(mut self, prefix: &str) -> Self {
        self.stop_at = Some(prefix.to_owned());
        self
    }

    /// An error status is a page.
    pub async fn get(&self, url: &str) -> Result<Page, DemoError> {
        let url = Url::parse(url).map_err(|_not_a_url| not_a_url(url))?;
        self.walk(url, None).await
    }

    /// Sends a form with its inputs as found. Each pair of `with` replaces the input of that name, or is added.
    pub async fn submit(&self, page: &Page, which: Which<'_>, with: &[(&str, &str)]) -> Result<Page, DemoError> {
        let missing = || format!("no form {which:?} in {}", page.summary());
        let Form { action, is_post, inputs: mut fields } = page.form(which).ok_or_else(missing)?;
        fields.retain(|(known, _value)| with.iter().all(|(name, _value)| name != known));
        fields.extend(with.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut url = page.url.join(&action).map_err(|_not_a_url| not_a_url(&action))?;
        if is_post {
            return self.walk(url, Some(fields)).await;
        }
        url.query_pairs_mut().clear().extend_pairs(fields);
        self.walk(url, None).await
    }

    /// Every redirect of our pages is followed by a GET (303).
    async fn walk(&self, mut url: Url, mut fields: Option<Vec<(String, String)>>) -> Result<Page, DemoError> {
        for _hop in 0..MAX_HOPS {
            let answer = self.send(&url, fields.take().as_deref()).await?;
            let status = answer.status();
            let location = answer.headers().get(LOCATION).filter(|_location| status.is_redirection());
            let target = location.and_then(|location| url.join(location.to_str().ok()?).ok());
            let is_end = |target: &Url| self.stop_at.as_deref().is_some_and(|prefix| target.as_str().starts_with(prefix));
            match target {
                Some(target) if !is_end(&target) => url = target,
                end => {
                    let url = end.unwrap_or(url);
                    return Ok(Page { url, status: status.as_u16(), body: answer.text().await? });
                }
            }
        }
        Err(format!("{url} redirects for ever").into())
    }

    async fn send(&self, url: &Url, fields: Option<&[(String, String)]>) -> reqwest::Result<Response> {
        let method = if fields.is_some() { Method::POST } else { Method::GET };
        let mut request = self.http.request(method, url.clone()).header(ACCEPT, "text/html,*/*;q=0.8");
        if let Some(cookies) = self.cookies.cookies(url) {
            request = request.header(COOKIE, cookies);
        }
        if let Some(fields) = fields {
            // A page's own form: browsers name the page's origin (Fetch §3.1).
            request = request.header(ORIGIN, url.origin().ascii_serialization()).form(fields);
        }
        let answer = request.send().await?;
        self.cookies.set_cookies(&mut answer.headers().get_all(SET_COOKIE).iter(), url);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(body: &str) -> Page {
        Page { url: Url::parse("http://localhost:8080/a").unwrap(), status: 200, body: body.to_owned() }
    }

    const PAGE: &str = r##"<!doctype html><main data-page="wait" data-note='a &quot;b&quot; &#x2f; c'>
        <!-- <form id="ghost"></form> -->
        <form id="cancel" method="post" action="/login/1?a=1&amp;b=2"><p><input type=hidden name="csrf" value="t"></p><input
          name=identifier autofocus value="alice"><input type="checkbox" name="remember" value="yes">
          <input type="checkbox" name="agree" checked><button name="unnamed" value="1">No name</button></form>
        <form action="/search"><label><input name="q" value="x &lt; y"></label></form>
        <pre id="id-token">{ &quot;sub&quot;: &quot;1&quot; }</pre></main>"##;

    #[test]
    fn a_form_is_read_with_its_inputs_as_found() {
        let page = page(PAGE);
        assert!(page.form(Which::Id("ghost")).is_none(), "a form in a comment is none");
        let cancel = page.form(Which::Control("unnamed")).unwrap();
        assert_eq!((cancel.action.as_str(), cancel.is_post), ("/login/1?a=1&b=2", true));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(cancel.inputs, [pair("csrf", "t"), pair("identifier", "alice"), pair("agree", "on")]);
        assert_eq!(page.form(Which::Id("cancel")).unwrap().inputs, cancel.inputs);
        let search = page.form(Which::Control("q")).unwrap();
        assert_eq!((search.inputs.as_slice(), search.is_post), (&[pair("q", "x < y")][..], false));
    }

    #[test]
    fn attributes_and_text_are_decoded() {
        assert_eq!(page(PAGE).main("data-note").as_deref(), Some("a \"b\" / c"));
        assert_eq!(page(PAGE).text("id-token").as_deref(), Some(r#"{ "sub": "1" }"#));
        assert_eq!(page(PAGE).attribute("cancel", "method").as_deref(), Some("post"));
        assert_eq!(page(PAGE).attribute("nobody", "method"), None);
    }

    #[test]
    fn broken_markup_has_no_forms() {
        for junk in ["<", "<a", "<a b=", "<a =", "<form action=\"/x", "< form>", "<!-- x", "<a b='"] {
            assert!(page(junk).form(Which::Control("x")).is_none(), "{junk:?}");
        }
    }
}
