//! E-mail from a row in a file to a letter at a mail server, and back to "no more mail".

use kept_carrier::smtp::{Encryption, Settings, SmtpCarrier};
use kept_carrier::{AnyCarrier, Carriers, Line};
use kept_domain::ladder::OptOutScope;
use kept_domain::{Channel, Instant, PracticeSettings};
use kept_flow::audit::Actor;
use kept_flow::consent::ConsentChoice;
use kept_flow::intake::ImportRequest;
use kept_flow::simulate::{Decided, SimulatedLine};
use kept_flow::testing::{NOW, World, flow_with};
use kept_store::testing::both;
use kept_store::{Scope, Store};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

const HEADER: &str =
    "Appt ID,Patient ID,Patient,DOB,Cell,Email,Date,Time,Duration,Provider,Visit Type,Status,OK to text,OK to email\n";
/// Two children reached at one address; one patient with both; one without consent to mail; one with an address that is none.
const WEEK: &str = "\
1,P1,Emma Lee,2015-09-23,,Lee@Example.org,2026-12-04,10:00,30,Amy Wong,Flu Shot,Scheduled,,Yes\n\
2,P2,Noah Lee,2017-01-05,n/a,lee@example.org,2026-12-04,10:30,30,Amy Wong,Flu Shot,Scheduled,,Yes\n\
3,P3,Omar Khan,1960-01-05,212-555-0192,omar@example.org,2026-12-03,09:00,30,Amy Wong,Follow Up,Scheduled,Yes,Yes\n\
4,P4,Zoe Brown,1937-02-02,n/a,zoe@example.org,2026-12-03,10:00,30,Amy Wong,Flu Shot,Scheduled,,No\n\
5,P5,Ian Green,1950-02-02,,none@none.com,2026-12-03,11:00,30,Amy Wong,Flu Shot,Scheduled,,Yes\n";

/// A mail server that takes everything, in clear, on this machine.
async fn sink() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let letters = Arc::new(Mutex::new(Vec::new()));
    let box_of = Arc::clone(&letters);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let letters = Arc::clone(&box_of);
            tokio::spawn(async move {
                let mut stream = BufReader::new(socket);
                stream.write_all(b"220 sink\r\n").await.unwrap();
                let mut line = String::new();
                while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                    let reply: &[u8] = match line.split(' ').next().unwrap().trim() {
                        "DATA" => {
                            stream.write_all(b"354 go\r\n").await.unwrap();
                            let mut letter = String::new();
                            while !letter.ends_with("\r\n.\r\n") {
                                stream.read_line(&mut letter).await.unwrap();
                            }
                            // Quoted-printable, as far as these letters use it.
                            let plain = letter.replace("=\r\n", "").replace("=3D", "=").replace("\r\n", "\n");
                            letters.lock().unwrap().push(plain);
                            b"250 taken\r\n"
                        }
                        _ => b"250 ok\r\n",
                    };
                    stream.write_all(reply).await.unwrap();
                    line.clear();
                }
            });
        }
    });
    (port, letters)
}

fn line(port: u16, channel: Channel) -> Line {
    let settings = Settings {
        host: "127.0.0.1".to_owned(),
        port,
        encryption: Encryption::NoneOnLoopback,
        login: None,
        roots: None,
        from: "reminders@kept.test".to_owned(),
        unsubscribe_address: None,
        dkim: None,
        timeout: Duration::from_secs(5),
    };
    Line::new(AnyCarrier::Smtp(Box::new(SmtpCarrier::new(settings).unwrap())), channel, 0)
}

async fn world(store: &Store, lines: Vec<Line>, settings: PracticeSettings) -> World {
    let (flow, clock) = flow_with(store, Carriers::new(lines), "https://kept.example");
    World::over(flow, clock, settings).await
}

async fn import(world: &World, rows: &str, consent: Option<ConsentChoice>) {
    let request = ImportRequest {
        practice: world.practice,
        file_name: "week.csv",
        content: format!("{HEADER}{rows}").into_bytes(),
        mapping: None,
        consent,
        staff: Some(world.staff),
        dry_run: false,
        progress: None,
        words: kept_flow::intake::RejectWords::default(),
    };
    world.flow.import(request).await.unwrap();
}

async fn simulated(world: &World) -> Vec<SimulatedLine> {
    world.flow.simulate(world.practice, NOW, NOW + chrono::Duration::days(30)).await.unwrap()
}

/// `channel decision reason` of the 1-day note of the visit that starts at an hour of a day in December, New York.
async fn note(world: &World, start: &str) -> String {
    let start = format!("2026-12-{start}:00-05:00");
    let mut tx = world.flow.store.read(Scope::Practice(world.practice)).await.unwrap();
    let all = tx.visits_starting(world.practice, NOW, Instant::from_ms(i64::MAX)).await.unwrap();
    let visit = tx.plan_visits(world.practice, &all).await.unwrap().into_iter();
    let visit = visit.clone().find(|visit| visit.start.rfc3339_in(chrono_tz::America::New_York) == start).unwrap();
    drop(tx);
    let lines = simulated(world).await;
    let line = lines.iter().find(|line| line.appointment == visit.id && line.step.to_string() == "1d").unwrap();
    format!("{} {} {}", line.channel, line.decision, line.reason.map_or("-".to_owned(), |reason| reason.to_string()))
}

#[tokio::test]
async fn mail_goes_to_who_agreed_and_has_no_number_or_wishes_it() {
    both(|store| async move {
        let lines = vec![line(1, Channel::Sms), line(1, Channel::Email)];
        let world = world(&store, lines, PracticeSettings::default()).await;
        import(&world, WEEK, None).await;
        assert_eq!(note(&world, "04T10:00").await, "email send -");
        assert_eq!(note(&world, "03T09:00").await, "sms send -", "a text first");
        assert_eq!(note(&world, "03T10:00").await, "email skip no-consent");
        assert_eq!(note(&world, "03T11:00").await, "sms skip no-number");
        let lines = simulated(&world).await;
        for line in lines.iter().filter(|line| line.decision == Decided::Send) {
            let text = line.text.as_deref().unwrap();
            assert!(text.contains("/l#…"), "{text}");
            let is_mail = line.channel == Channel::Email;
            assert_eq!(
                (line.subject.is_some(), line.segments.is_none(), text.contains("/u/…")),
                (is_mail, is_mail, is_mail)
            );
        }
        // Planning stores what simulation says, and planning again changes nothing.
        world.flow.plan_sweep().await.unwrap();
        assert_eq!(simulated(&world).await, lines);
        world.flow.replan_practice(world.practice).await.unwrap();
        let again = world.flow.plan_sweep().await.unwrap();
        assert_eq!((again.visits, again.reminders, again.notices), (5, 0, 0));

        // The patient's own wish, and back.
        let mut tx = world.flow.store.read(Scope::Practice(world.practice)).await.unwrap();
        let all = tx.visits_starting(world.practice, NOW, Instant::from_ms(i64::MAX)).await.unwrap();
        let omar = tx.plan_visits(world.practice, &all[..1]).await.unwrap().remove(0).patient;
        drop(tx);
        let (flow, by) = (&world.flow, Actor::Patient(omar));
        assert_eq!(flow.preference(world.practice, omar).await.unwrap().choices, [Channel::Sms, Channel::Email]);
        flow.set_patient_channel(world.practice, omar, Some(Channel::Email), by).await.unwrap();
        let moved = flow.plan_sweep().await.unwrap();
        assert_eq!((moved.reminders, moved.notices), (3, 3), "the same reminders, on another channel");
        assert_eq!(note(&world, "03T09:00").await, "email send -");
        // The address opts out: texts again. With the wider scope: nothing.
        let token = world.stop_mail_token("omar@example.org", kept_domain::Locale::En).await;
        assert!(flow.unsubscribe(world.practice, &token).await.unwrap());
        flow.plan_sweep().await.unwrap();
        assert_eq!(note(&world, "03T09:00").await, "sms send -");
    })
    .await;
}

#[tokio::test]
async fn an_opt_out_may_silence_every_channel_of_a_patient() {
    both(|store| async move {
        let lines = vec![line(1, Channel::Sms), line(1, Channel::Email)];
        let settings = PracticeSettings { opt_out_scope: OptOutScope::Patient, ..PracticeSettings::default() };
        let world = world(&store, lines, settings).await;
        import(&world, WEEK, None).await;
        let token = world.stop_mail_token("omar@example.org", kept_domain::Locale::En).await;
        assert!(world.flow.unsubscribe(world.practice, &token).await.unwrap());
        assert_eq!(note(&world, "03T09:00").await, "sms skip opted-out");
    })
    .await;
}

#[tokio::test]
async fn what_an_uploader_declares_covers_addresses_but_no_explicit_no() {
    both(|store| async move {
        let world = world(&store, vec![line(1, Channel::Email)], PracticeSettings::default()).await;
        let rows = WEEK.replace(",,Yes\n", ",,\n").replace(",Yes,Yes\n", ",No,\n");
        import(&world, &rows, Some(ConsentChoice::Declared)).await;
        assert_eq!(note(&world, "04T10:00").await, "email send -");
        assert_eq!(note(&world, "03T10:00").await, "email skip no-consent", "the file says No");
        assert_eq!(note(&world, "03T09:00").await, "email skip no-consent", "No to texts is not overruled for mail");
    })
    .await;
}

#[tokio::test]
async fn a_letter_arrives_with_its_link_and_the_address_in_it_stops_the_rest() {
    both(|store| async move {
        let (port, letters) = sink().await;
        let settings = PracticeSettings { email_from: Some("oak@oak.test".to_owned()), ..PracticeSettings::default() };
        let world = world(&store, vec![line(port, Channel::Email)], settings).await;
        import(&world, &WEEK.lines().take(2).fold(String::new(), |rows, row| rows + row + "\n"), None).await;
        let done = world.flow.settle().await.unwrap();
        assert_eq!((done.sent, done.dropped), (1, 0), "two children at one address: one letter");
        let mut tx = world.flow.store.read(Scope::Practice(world.practice)).await.unwrap();
        let all = tx.visits_starting(world.practice, NOW, Instant::from_ms(i64::MAX)).await.unwrap();
        let reminders = tx.plan_reminders(world.practice, &all).await.unwrap();
        let sent = reminders.iter().find_map(|row| row.said_at.and(row.notice.as_ref())).unwrap().id;
        let kept = tx.claimed_notices(world.practice, &[sent]).await.unwrap().remove(0);
        assert!(kept.body.is_some() && kept.link_secret.is_none(), "no receipt of a mail will take the secret");
        drop(tx);
        let letter = letters.lock().unwrap().pop().unwrap();
        assert!(letter.contains("<oak@oak.test>") && letter.contains("Subject: Oak Street"), "{letter}");
        assert!(letter.contains("To: lee@example.org"), "{letter}");
        assert!(letter.contains("Auto-Submitted: auto-generated"));
        for private in ["Emma", "Noah", "Wong", "Flu"] {
            assert!(!letter.contains(private), "{private} in {letter}");
        }
        let link = format!("https://kept.example/{}/l#", world.slug);
        assert_eq!(letter.matches(&link).count(), 2, "in both parts: {letter}");
        let stop = format!("https://kept.example/{}/u/", world.slug);
        assert_eq!(letter.matches(&stop).count(), 3, "in both parts and in the header");
        let after = letter.split_once(&stop).unwrap().1;
        let token: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();

        assert!(!world.flow.unsubscribe(world.practice, "x").await.unwrap());
        assert!(world.flow.unsubscribe(world.practice, &token).await.unwrap());
        let later = NOW + chrono::Duration::days(12);
        let end = world.flow.advance(&world.clock, later, async |_| Ok(())).await.unwrap();
        assert_eq!(end.sent, 0);
        assert!(letters.lock().unwrap().is_empty());
        assert_eq!(world.flow.verify_consents(world.practice).await.unwrap(), Ok(2), "granted, then withdrawn");
    })
    .await;
}
