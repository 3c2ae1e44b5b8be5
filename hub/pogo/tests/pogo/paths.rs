//! One path in several spellings.

use polysocket_config::Span;

use crate::api::{Api, json};
use crate::bed::{Bed, Talks};

#[tokio::test]
async fn what_is_denied_is_denied_in_every_spelling() {
    let api = Api::new(|_| json(200, &[], "1")).await;
    let bed = Bed::with(&api.url, |setup| setup.config.deny = vec!["/admin".into(), "/ä".into()]).await;
    let mut client = bed.client().await;
    for (path, code) in [
        ("/%61dmin", "forbidden"),
        ("/%61%64min/users", "forbidden"),
        ("/admin;x=1", "forbidden"),
        ("/admin;x=1/users", "forbidden"),
        ("/admin%3Bx", "forbidden"),
        ("/ä", "forbidden"),
        ("/%c3%a4/x", "forbidden"),
        ("/;x/admin", "bad_request"),
        ("/a/..%3b/admin", "bad_request"),
    ] {
        let answer = client.ask(&format!(r#"{{"seqId":1,"event":"get","path":"{path}"}}"#)).await;
        assert!(answer.contains(&format!(r#""code":"{code}""#)), "{path}: {answer}");
    }
    assert_eq!(api.seen().len(), 0);
    for (path, sent) in [("/%7eanna;v=1?q=%61", "/~anna;v=1?q=%61"), ("/a%2bb%2561", "/a%2Bb%2561")] {
        client.ask(&format!(r#"{{"id":1,"event":"show","uri":"{path}"}}"#)).await;
        assert_eq!(api.seen().last().unwrap().path, sent);
    }
}

#[tokio::test]
async fn writes_are_seen_by_binders_of_other_spellings() {
    let api = Api::new(|seen| json(200, &[], format!("{:?}", seen.method.as_str()))).await;
    for (bound, written) in
        [("/p%6Fsts", "/posts"), ("/posts/", "/posts"), ("/posts", "/posts/1/"), ("/posts/1/", "/posts/")]
    {
        let bed = Bed::with(&api.url, |setup| setup.config.poll_every = Span::seconds(60)).await;
        let (mut binder, mut writer) = (bed.client().await, bed.client().await);
        api.now(|_| json(200, &[], "1"));
        assert_eq!(binder.bind(bound).await, 1);
        api.now(|_| json(200, &[], "2"));
        writer.ask(&format!(r#"{{"id":1,"event":"update","uri":"{written}","data":{{}}}}"#)).await;
        let frame = binder.json().await;
        assert_eq!((&frame["path"], &frame["data"]), (&bound.into(), &2.into()), "{written}");
    }
}
