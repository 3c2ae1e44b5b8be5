//! What has changed between two documents, where that is shorter than the new one.

use serde_json::{Map, Value};

/// A JSON Merge Patch (RFC 7396) from one to the other. `None` where there is none: a member that became `null`
/// cannot be said, since `null` means that it is gone.
pub(crate) fn merge_patch(from: &Value, to: &Value) -> Option<Value> {
    let (Value::Object(from), Value::Object(to)) = (from, to) else {
        // What is no object replaces everything; the whole document does the same and is no longer.
        return None;
    };
    members(from, to).map(Value::Object)
}

fn members(from: &Map<String, Value>, to: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut patch = Map::new();
    for name in from.keys().filter(|name| !to.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    for (name, new) in to {
        match (from.get(name), new) {
            (Some(old), new) if old == new => {}
            (Some(Value::Object(old)), Value::Object(new)) => {
                patch.insert(name.clone(), Value::Object(members(old, new)?));
            }
            (_, new) if has_null(new) => return None,
            (_, new) => {
                patch.insert(name.clone(), new.clone());
            }
        }
    }
    Some(patch)
}

/// Within objects only: a merge patch takes arrays as they are.
fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

/// A JSON Patch (RFC 6902) from one to the other.
pub(crate) fn json_patch(from: &Value, to: &Value) -> Option<Value> {
    serde_json::to_value(json_patch::diff(from, to)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i8>().prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-d~/]", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn patches_lead_to_the_new_document(from in documents(), to in documents()) {
            if let Some(patch) = merge_patch(&from, &to) {
                let mut merged = from.clone();
                json_patch::merge(&mut merged, &patch);
                prop_assert_eq!(&merged, &to);
            }
            let patch: json_patch::Patch = serde_json::from_value(json_patch(&from, &to).expect("a patch")).expect("a patch");
            let mut patched = from.clone();
            json_patch::patch(&mut patched, &patch).expect("it fits");
            prop_assert_eq!(patched, to);
        }
    }

    #[test]
    fn what_a_merge_patch_cannot_say() {
        assert_eq!(
            merge_patch(&json!({"a":1,"b":{"c":1}}), &json!({"b":{"c":2}})),
            Some(json!({"a":null,"b":{"c":2}}))
        );
        assert_eq!(merge_patch(&json!({"a":1}), &json!({"a":null})), None);
        assert_eq!(merge_patch(&json!({}), &json!({"a":{"b":null}})), None);
        assert_eq!(merge_patch(&json!({"a":null,"b":1}), &json!({"a":null,"b":2})), Some(json!({"b":2})));
        assert_eq!(merge_patch(&json!([1]), &json!([2])), None);
    }
}
