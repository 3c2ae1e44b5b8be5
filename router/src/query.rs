//! Parameters of a request, from its query and from a form body, read and not yet judged.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What a request says. `None`: not said.
#[derive(Default)]
pub(crate) struct Params {
    pub(crate) callback: Option<String>,
    pub(crate) from: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) v1: bool,
    pub(crate) protocols: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) hold: bool,
}

impl Params {
    /// Reads `name=value&…`, over what is there already. All of it, also when some is malformed, since how to say so is
    /// among it; the error says which parameter it was.
    pub(crate) fn read(&mut self, query: &str) -> Result<(), String> {
        let mut read = Ok(());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            read = read.and(self.set(name, value));
        }
        read
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let place = match name {
            "cb" => &mut self.callback,
            "from" => &mut self.from,
            "target" => &mut self.target,
            "token" => &mut self.token,
            "protocols" => &mut self.protocols,
            "nonce" => &mut self.nonce,
            "v" => {
                self.v1 = value == "1";
                return Ok(());
            }
            "hold" => {
                self.hold = value == "1";
                return Ok(());
            }
            // Cache-busters, and whatever a later client may say.
            _ => return Ok(()),
        };
        let text = text(value);
        // A callback that cannot be read is one that cannot be called: not the same as none.
        *place = Some(text.as_deref().unwrap_or_default().to_owned());
        text.map(drop).ok_or_else(|| format!("`{name}` is not UTF-8"))
    }
}

fn text(value: &str) -> Option<Cow<'_, str>> {
    if value.contains('+') {
        let spaced = value.replace('+', " ");
        return percent_decode_str(&spaced).decode_utf8().ok().map(|text| Cow::Owned(text.into_owned()));
    }
    percent_decode_str(value).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_read_over_the_query() {
        let mut params = Params::default();
        params.read("cb=go&target=ws%3A%2F%2Fa%2F&v=1&hold=0&_=1&&flag&token=a+b%2Bc").expect("read");
        params.read("target=ws://b/?x=y&hold=1&protocols=").expect("read");
        assert_eq!(params.callback.as_deref(), Some("go"));
        assert_eq!(params.target.as_deref(), Some("ws://b/?x=y"));
        assert_eq!(params.token.as_deref(), Some("a b+c"));
        assert_eq!(params.protocols.as_deref(), Some(""));
        assert!(params.v1 && params.hold && params.nonce.is_none());
    }

    #[test]
    fn what_follows_a_malformed_one_is_read() {
        let mut params = Params::default();
        assert_eq!(params.read("from=%ff&v=1&cb=go"), Err("`from` is not UTF-8".to_owned()));
        assert!(params.v1 && params.callback.as_deref() == Some("go"));
        assert!(params.read("cb=%ff").is_err() && params.callback.as_deref() == Some(""));
    }
}
