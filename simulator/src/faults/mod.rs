//! Misbehaviour on request: which faults are armed and which calls they strike.

pub(crate) mod tamper;
pub(crate) mod wire;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::{Call, Provider, plain};
use crate::random;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Nothing but `delay_ms`, which every other fault may have too.
    Delay,
    /// The connection is closed (or reset) without any work; as `DropBefore`.
    Refuse,
    Reset,
    DropBefore,
    /// The work is done, then the connection is closed.
    DropAfter,
    /// The body comes one byte a second.
    SlowBody,
    HugeBody,
    /// 302 to `value`, or to a loopback address that logs whoever follows.
    Redirect,
    /// The HTTP status `status`; `value` goes into `Retry-After`.
    Status,
    Empty,
    Html,
    /// Half of the body; with the value `wire` the other half was promised.
    Truncated,
    /// A decisive key twice, with different values.
    DuplicateKey,
    PercentEncoded,
    /// Another image format in place of the PNG; `value` is its base64.
    NonPngIcon,
    /// Another user, `value` by name.
    WrongUser,
    /// The id of another session, transaction or device, `value` by name.
    WrongSession,
    /// A state that does not exist, `value` by name.
    UnknownState,
    /// The create call's own answer says approved.
    ApprovedAtOnce,
}

const OPERATIONS: &str = "*, create, state, cancel, release, authenticate, register, status, get_user, devices, deregister, \
     exist, create_qr_code, restore, restoration, update, device_count, server_info, plugin_registration, access_token_info, \
     access_token, unknown";

/// A fault as a script orders it. Whatever is left out does not narrow it down.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    provider: Option<String>,
    operation: Option<String>,
    fault: Kind,
    /// How many calls it strikes; 0 strikes until it is cleared.
    count: Option<u32>,
    probability: Option<f64>,
    delay_ms: Option<u64>,
    status: Option<u16>,
    value: Option<Value>,
    user: Option<String>,
}

impl Order {
    pub(crate) fn mistake(&self) -> Option<String> {
        if let Some(provider) = self.provider.as_deref().filter(|name| !matches!(*name, "*" | "secsign" | "thumbsignin")) {
            return Some(format!("provider is secsign, thumbsignin or *, not {provider}"));
        }
        if let Some(operation) = self.operation.as_deref().filter(|name| !OPERATIONS.split(", ").any(|known| known == *name)) {
            return Some(format!("operation is one of {OPERATIONS}, not {operation}"));
        }
        if self.probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)) {
            return Some("probability is a number from 0 to 1".to_owned());
        }
        if self.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return Some("status is an HTTP status from 200 to 599".to_owned());
        }
        None
    }

    fn fits(&self, call: &Call) -> bool {
        let all =
            |asked: &Option<String>, fits: &dyn Fn(&str) -> bool| asked.as_deref().is_none_or(|name| name == "*" || fits(name));
        all(&self.provider, &|name| (name == "secsign") == (call.provider == Provider::SecSign))
            && all(&self.operation, &|name| name == call.operation || name == "cancel" && call.cancelled)
            && all(&self.user, &|name| call.user.as_deref().is_some_and(|user| user.eq_ignore_ascii_case(name)))
    }
}

#[derive(Clone, Serialize)]
pub(crate) struct Armed {
    pub(crate) id: u64,
    #[serde(flatten)]
    order: Order,
    struck: u32,
}

#[derive(Default)]
pub(crate) struct Strike {
    pub(crate) delay: Duration,
    pub(crate) kind: Option<Kind>,
    pub(crate) status: Option<u16>,
    pub(crate) value: Option<String>,
}

#[derive(Default)]
pub(crate) struct Faults {
    last: u64,
    pub(crate) armed: Vec<Armed>,
}

impl Faults {
    pub(crate) fn arm(&mut self, order: Order) -> Armed {
        self.last += 1;
        let armed = Armed { id: self.last, order, struck: 0 };
        self.armed.push(armed.clone());
        armed
    }

    /// Lets the faults strike a call: all delays that fit it, and the oldest of the others.
    pub(crate) fn strike(&mut self, call: &Call) -> Strike {
        let mut strike = Strike::default();
        for fault in self.armed.iter_mut().filter(|fault| fault.order.fits(call)) {
            let order = &fault.order;
            if order.fault != Kind::Delay && strike.kind.is_some() || !random::chance(order.probability.unwrap_or(1.0)) {
                continue;
            }
            strike.delay += Duration::from_millis(order.delay_ms.unwrap_or(0));
            if order.fault != Kind::Delay {
                strike.kind = Some(order.fault);
                strike.status = order.status;
                strike.value = order.value.as_ref().filter(|value| !value.is_null()).map(plain);
            }
            fault.struck = fault.struck.saturating_add(1);
        }
        self.armed.retain(|fault| fault.order.count.is_none_or(|count| count == 0 || fault.struck < count));
        strike
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn order(value: Value) -> Order {
        serde_json::from_value(value).unwrap()
    }

    fn call(provider: Provider, operation: &'static str, user: &str) -> Call {
        Call { user: Some(user.to_owned()), ..Call::new(provider, operation, String::new()) }
    }

    #[test]
    fn a_fault_strikes_only_what_it_names() {
        let mut faults = Faults::default();
        faults.arm(order(json!({"provider": "secsign", "operation": "state", "fault": "empty", "user": "alice"})));
        assert_eq!(faults.strike(&call(Provider::SecSign, "state", "alice")).kind, Some(Kind::Empty));
        assert_eq!(faults.strike(&call(Provider::SecSign, "state", "bob")).kind, None);
        assert_eq!(faults.strike(&call(Provider::SecSign, "create", "alice")).kind, None);
        assert_eq!(faults.strike(&call(Provider::ThumbSignIn, "state", "alice")).kind, None);
        assert_eq!(faults.strike(&Call::new(Provider::SecSign, "state", String::new())).kind, None);
    }

    #[test]
    fn a_counted_fault_is_spent_and_an_uncounted_one_is_not() {
        let mut faults = Faults::default();
        faults.arm(order(json!({"fault": "empty", "count": 2})));
        faults.arm(order(json!({"fault": "html", "count": 0})));
        let kinds: Vec<_> = (0..4).map(|_| faults.strike(&call(Provider::SecSign, "state", "a")).kind).collect();
        assert_eq!(kinds, [Some(Kind::Empty), Some(Kind::Empty), Some(Kind::Html), Some(Kind::Html)]);
        assert_eq!(faults.armed.len(), 1);
    }

    #[test]
    fn delays_add_up_and_go_with_another_fault() {
        let mut faults = Faults::default();
        faults.arm(order(json!({"fault": "delay", "delay_ms": 100})));
        faults.arm(order(json!({"fault": "status", "status": 503, "value": 7, "delay_ms": 20})));
        let strike = faults.strike(&call(Provider::ThumbSignIn, "status", "a"));
        assert_eq!((strike.delay.as_millis(), strike.kind, strike.status), (120, Some(Kind::Status), Some(503)));
        assert_eq!(strike.value.as_deref(), Some("7"));
    }

    #[test]
    fn an_unlikely_fault_strikes_sometimes() {
        let mut faults = Faults::default();
        faults.arm(order(json!({"fault": "empty", "probability": 0.5})));
        let struck = (0..400).filter(|_| faults.strike(&call(Provider::SecSign, "state", "a")).kind.is_some()).count();
        assert!((120..280).contains(&struck), "{struck}");
    }

    #[test]
    fn orders_with_mistakes_are_named() {
        assert_eq!(order(json!({"fault": "empty", "operation": "state"})).mistake(), None);
        for wrong in [
            json!({"fault": "empty", "operation": "poll"}),
            json!({"fault": "empty", "provider": "secsing"}),
            json!({"fault": "empty", "probability": 2}),
            json!({"fault": "status", "status": 42}),
        ] {
            assert!(order(wrong.clone()).mistake().is_some(), "{wrong}");
        }
        assert!(serde_json::from_value::<Order>(json!({"fault": "emtpy"})).is_err());
        assert!(serde_json::from_value::<Order>(json!({"fault": "empty", "delay": 3})).is_err());
    }
}
