//! `kept reply classify`, as a script meets it.

use crate::scene::{Scene, exit};

#[test]
fn replies_are_read_from_a_file_without_any_configuration() {
    let scene = Scene::empty();
    scene.file("r.jsonl", "{\"text\":\"STOP\",\"lang\":\"en\",\"open_questions\":1}\n{\"text\":\"👍🏽\",\"lang\":\"en\",\"open_questions\":1}\n");
    let ran = scene.run(&["reply", "classify", "r.jsonl"]);
    assert_eq!(ran.code, exit::OK, "{}", ran.err);
    let lines: Vec<serde_json::Value> = ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&lines[0]["intent"], &lines[0]["rule"]), (&"opt-out".into(), &"opt-out-word".into()));
    assert_eq!((&lines[1]["intent"], &lines[1]["text"]), (&"accept".into(), &"👍🏽".into()));
    assert!(!scene.path("kept.db").exists());
}

#[test]
fn a_bad_line_is_told_by_its_number_and_the_rest_is_written() {
    let scene = Scene::empty();
    scene.file("r.jsonl", "{\"text\":\"1\",\"lang\":\"en\",\"open_questions\":1}\nsecret\n{\"text\":\"2\",\"lang\":\"en\",\"open_questions\":1}\n");
    let ran = scene.run(&["reply", "classify", "r.jsonl"]);
    assert_eq!((ran.code, ran.out.lines().count()), (exit::DATA, 2), "{}", ran.err);
    assert!(ran.err.contains("line 2 is not a JSON object") && !ran.err.contains("secret"), "{}", ran.err);
    scene.run(&["reply", "classify", "none.jsonl"]).failed(exit::NO_INPUT, &["none.jsonl"]);
}

#[test]
fn standard_input_is_read_where_no_file_is_named() {
    let scene = Scene::empty();
    for arguments in [&["reply", "classify"][..], &["reply", "classify", "-"][..]] {
        let ran = scene.run_with_input(arguments, "{\"text\":\"sí\",\"lang\":\"es\",\"open_questions\":2}\n");
        assert_eq!(ran.json()["rule"], "which-visit");
    }
}
