//! Who is there.

use serde_json::{Value, json};

use crate::bed::{Bed, Client};

async fn join(client: &mut Client, data: &Value) -> Value {
    let request = json!({"subscribe": {"channel": "c", "presence": true, "data": data}}).to_string();
    client.ask_json(&request).await
}

#[tokio::test]
async fn members_see_each_other_come_and_go() {
    let bed = Bed::start().await;
    let (mut anna, mut otto, mut plain) =
        (bed.backend().await, bed.user("reader", "r").await, bed.backend().await);
    plain.subscribe("c").await;
    let alone = join(&mut anna, &json!({"nick": "anna"})).await;
    let [first] = alone["members"].as_array().unwrap().as_slice() else { panic!("{alone}") };
    let id = first["id"].as_str().unwrap();
    assert_eq!(*first, json!({"id": id, "user": "backend", "data": {"nick": "anna"}}));
    assert_eq!((&alone["subscribed"], &alone["present"]), (&json!("c"), &json!(1)));
    // Whether the newcomer itself is told of is the broker's to say; the next is another's.
    let both = join(&mut otto, &json!([1])).await;
    assert_eq!(both["present"], 2);
    let joined = loop {
        let frame = anna.json().await;
        if frame["member"]["user"] == "reader" {
            break frame;
        }
    };
    let member = json!({"id": joined["member"]["id"], "user": "reader", "data": [1]});
    assert_eq!(joined, json!({"joined": "c", "member": member}));
    assert!(both["members"].as_array().unwrap().contains(&member), "{both}");
    otto.send(r#"{"unsubscribe":{"channel":"c"}}"#).await;
    assert_eq!(anna.json().await, json!({"left": "c", "member": member}));
    join(&mut otto, &json!([1])).await;
    assert_eq!(anna.json().await, json!({"joined": "c", "member": member}));
    // Going without a word is going, too.
    drop(otto);
    assert_eq!(anna.json().await, json!({"left": "c", "member": member}));
    plain.hears_nothing().await;
}

#[tokio::test]
async fn a_member_says_so_much_and_no_more() {
    let bed = Bed::start().await;
    let mut client = bed.backend().await;
    let answer = join(&mut client, &json!("x".repeat(1023))).await;
    assert_eq!(answer, json!({"err": "LIMIT_EXCEEDED", "limit": "member_data_bytes_max", "max": 1024}));
    let answer = join(&mut client, &json!("x".repeat(1000))).await;
    assert_eq!(answer["present"], 1);
}

#[tokio::test]
async fn the_list_is_cut_and_the_count_is_not() {
    let bed = Bed::with(|setup| setup.rocket.members_listed_max = 2).await;
    let mut clients = Vec::new();
    for n in 1..=4_u64 {
        let mut client = bed.backend().await;
        let answer = join(&mut client, &json!(n)).await;
        assert_eq!(answer["present"], json!(n));
        let listed = u64::try_from(answer["members"].as_array().unwrap().len()).unwrap();
        assert_eq!(listed, n.min(2));
        clients.push(client);
    }
}
