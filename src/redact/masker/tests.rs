use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const RANCHER: &str = "l6m6c2wqxsl9zrmv4h5kjt7n8fpbdg2x4w9vqz6c5kxh7rt2mnp8bd";
const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQifQ.c2lnbmF0dXJl";
const HEX64: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA04up8hoqzS1zQxJwKdIWq0tG\nxhQYd0cX0hlhYnmPO2oY7Q8JY4bN9aZ5\n-----END RSA PRIVATE KEY-----";
const CERTIFICATE: &str =
    "-----BEGIN CERTIFICATE-----\nMIIBdzCCAR2gAwIBAgIBADAKBggqhkjOPQQDAjAj\n-----END CERTIFICATE-----\n";

#[test]
fn people_can_name_what_is_secret_and_what_only_looks_so() {
    let mut masker = Masker::new();
    masker.allow("s3cr3t-l00king-nam3");
    masker.learn_given(&"plain".parse().unwrap());
    assert_eq!(
        masker.mask("password: s3cr3t-l00king-nam3"),
        "password: s3cr3t-l00king-nam3"
    );
    masker.learn_json(&json!({"kind": "Secret", "stringData": {"a": "s3cr3t-l00king-nam3"}}));
    assert_eq!(
        masker.mask("of s3cr3t-l00king-nam3, plain"),
        "of s3cr3t-l00king-nam3, ‹secret-1›"
    );
    assert_eq!(masker.leaks(b"s3cr3t-l00king-nam3").len(), 0);
    assert_eq!(masker.leaks(b"plain").len(), 1);
}

#[test]
fn settings_of_a_secret_file_are_known_without_the_file() {
    let mut masker = Masker::new();
    masker.learn_settings("# users\nadmin: Fx9-correct-horse\nhost: db.example.com\n");
    assert_eq!(
        masker.mask("by Fx9-correct-horse at db.example.com"),
        "by ‹secret-1› at db.example.com"
    );
}

fn once(text: &str) -> String {
    Masker::new().mask(text).into_owned()
}

#[test]
fn planted_secrets_do_not_survive() {
    let k10 = format!("K10{HEX64}::server:5ba1e8f7c2d94d60");
    let aws = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let dotted = "abcdef.0123456789abcdef";
    for (text, secret) in [
        (
            format!("rancher-agent --server https://r.example.com --token {RANCHER} --ca-checksum {HEX64}"),
            RANCHER,
        ),
        (format!("[\"--token\", \"{RANCHER}\"]"), RANCHER),
        (format!("  \"Cmd\": [\n    \"--token={RANCHER}\"\n"), RANCHER),
        (format!("got {RANCHER}, bare"), RANCHER),
        (format!("token-x7k2p:{RANCHER}"), RANCHER),
        (format!("CATTLE_TOKEN={RANCHER}\n"), RANCHER),
        (format!("K3S_TOKEN='{k10}'"), "5ba1e8f7c2d94d60"),
        (format!("joining with {k10} now"), "5ba1e8f7c2d94d60"),
        (format!("kubeadm join 10.0.0.1:6443 --token {dotted} \\"), dotted),
        (format!("[bootstrap-token] Using token: {dotted}"), dotted),
        (format!("Authorization: Bearer {JWT}"), JWT),
        (format!("{{\"Authorization\":\"Bearer {JWT}\"}}"), JWT),
        (
            "> authorization: Basic YWRtaW46aHVudGVyMg==\r\n".into(),
            "YWRtaW46aHVudGVyMg",
        ),
        (format!("Authorization:[Bearer {dotted}]"), dotted),
        (format!("failed with {JWT}."), "c3lzdGVt"),
        (
            format!("  token: {}\n", STANDARD.encode(JWT)),
            "ZXlKaGJHY2lPaUpTVXpJMU5pSjk",
        ),
        ("https://bob:hunter2@git.example.com/x.git".into(), "hunter2"),
        ("redis://:p4ss@w0rd@cache:6379/0".into(), "w0rd"),
        ("dsn=root:hunter2@tcp(10.0.0.2:3306)/k3s".into(), "hunter2"),
        ("postgres://k3s:h%40nter2@db:5432/k3s?sslmode=disable".into(), "nter2"),
        ("password: hunter".into(), "hunter"),
        ("  password: \"two words\"".into(), "two words"),
        ("{\"user\":\"u\",\"password\":\"hun\\\"ter2\"}".into(), "ter2"),
        ("{\\\"password\\\":\\\"hunter2\\\"}".into(), "hunter2"),
        ("spring.datasource.password=hunter2".into(), "hunter2"),
        ("--etcd-password hunter2".into(), "hunter2"),
        ("password=123456".into(), "123456"),
        ("secretKey=abcd1234efgh".into(), "abcd1234efgh"),
        ("api_key: 8f7e6d5c4b3a".into(), "8f7e6d5c4b3a"),
        ("AKIAIOSFODNN7EXAMPLE".into(), "AKIAIOSFODNN7EXAMPLE"),
        (format!("creds: AKIAIOSFODNN7EXAMPLE / {aws}"), aws),
        (format!("AWS_SECRET_ACCESS_KEY={aws}"), aws),
        (
            "push with ghp_abcdefghijklmnopqrstuvwxyz0123456789".into(),
            "ghp_abcdef",
        ),
        ("glpat-abcdefghij0123456789".into(), "abcdefghij0123456789"),
        ("xoxb-123456789012-abcdefghijkl".into(), "abcdefghijkl"),
        ("curl -sk -u admin:hunter2 https://harbor/api".into(), "hunter2"),
        ("mysql -h db -uroot -phunter2 shop".into(), "hunter2"),
        ("docker login -u bob -p hunter2 harbor.example.com".into(), "hunter2"),
        (
            "{\"auths\":{\"harbor\":{\"auth\":\"Ym9iOmh1bnRlcjI=\"}}}".into(),
            "Ym9iOmh1bnRlcjI",
        ),
        (
            "auth:\n  password: |\n    correct horse\n  next: 1\n".into(),
            "correct horse",
        ),
        ("map[password:hunter user:bob]".into(), "hunter"),
        ("GET /v3?token=k7d9f2m4&page=2 then k7d9f2m4".into(), "k7d9f2m4"),
        ("Server=db;Uid=sa;Pwd=hunter2;".into(), "hunter2"),
        ("  - name: DB_PASSWORD\n    value: hunter2\n".into(), "hunter2"),
        (
            "  \"name\": \"DB_PASSWORD\",\n  \"value\": \"hunter2\"\n".into(),
            "hunter2",
        ),
        ("      DB_PASSWORD:   hunter2\n".into(), "hunter2"),
        ("pass=hunter2".into(), "hunter2"),
        ("DB_PASS: hunter2".into(), "hunter2"),
        ("pwd: hunter2".into(), "hunter2"),
        (
            "AccessKeyId LTAI5tx AccessKeySecret: Zq7RandomSecretVal".into(),
            "Zq7Random",
        ),
        ("encryptionKey: Zq7RandomSecretVal".into(), "Zq7Random"),
        ("encryption_key=Zq7RandomSecretVal".into(), "Zq7Random"),
        ("auth_key=authKey5x".into(), "authKey5x"),
        ("SECRET_KEY_BASE=Zq7RandomSecretVal".into(), "Zq7Random"),
        ("ansible_ssh_pass=hunter2".into(), "hunter2"),
        ("requirepass hunter2".into(), "hunter2"),
        ("bindpw hunter2".into(), "hunter2"),
        (
            format!("        secret: {}", STANDARD.encode("Zq7RandomSecretVal")),
            "WnE3UmFuZG9t",
        ),
        ("app -token hunter2 --x".into(), "hunter2"),
        ("app -password hunter2 --x".into(), "hunter2"),
        ("app -password=hunter2 --x".into(), "hunter2"),
        ("app --secret hunter2 --x".into(), "hunter2"),
        ("app --secret=hunter2 --x".into(), "hunter2"),
        ("app --pass hunter2 --x".into(), "hunter2"),
        (
            "kubectl create secret generic x --from-literal=foo=hunter2".into(),
            "hunter2",
        ),
        ("echo hunter2 | docker login -u x --password-stdin".into(), "hunter2"),
        ("echo \"root:hunter2\" | chpasswd".into(), "hunter2"),
        ("openssl rsa -passin pass:hunter2 -in k".into(), "hunter2"),
        ("etcdctl --user root:hunter2 get".into(), "hunter2"),
        ("<password>hunter2</password>".into(), "hunter2"),
        ("password：hunter2".into(), "hunter2"),
        ("密码：中文密码abcZ9".into(), "abcZ9"),
        ("数据库密码: hunter2".into(), "hunter2"),
        ("Cookie: lang=en; session=Zq7RandomSecretVal".into(), "Zq7Random"),
        ("Set-Cookie: JSESSIONID=Zq7RandomSecretVal; Path=/".into(), "Zq7Random"),
        ("key sk-proj-Zq7RandomSecretValZq7RandomSecretVal".into(), "Zq7Random"),
        ("key sk_test_Zq7RandomSecretVal".into(), "Zq7Random"),
        ("key rk_live_Zq7RandomSecretVal".into(), "Zq7Random"),
        (
            "key SG.Zq7RandomSecretVal1234.Zq7RandomSecretValZq7RandomSecretVal".into(),
            "Zq7Random",
        ),
        ("key pypi-AgEIcHlwaS5vcmcZq7RandomSecretVal".into(), "Zq7Random"),
        (
            "AccountName=a;AccountKey=Zq7RandomSecretVal/+==;EndpointSuffix=core".into(),
            "Zq7Random",
        ),
        (
            "https://a.blob.core/x?sv=2020&sig=Zq7RandomSecretVal%3D&se=1".into(),
            "Zq7Random",
        ),
        (format!("https://s3/x?X-Amz-Signature={HEX64}"), HEX64),
        (
            "root:$6$abcdefgh$Zq7RandomSecretValZq7RandomSecretVal:19000:0".into(),
            "Zq7Random",
        ),
        ("admin:$apr1$Zq9x8y7z$Zq7RandomSecretVal1234".into(), "Zq7Random"),
        ("postgres://app:p@ss/w0rd#9Zq@db:5432/x".into(), "w0rd"),
        ("postgres://app:Zq8/w0rdKK9x@db:5432/x".into(), "w0rd"),
        (
            "git clone https://a8f5f167f44f4964e6c998dee827110c@git.example/x.git".into(),
            "a8f5f167",
        ),
        (
            "https://hooks.slack.com/services/T02AB/B03CD/Zq7RandomSecretVal".into(),
            "Zq7Random",
        ),
        (
            "https://discord.com/api/webhooks/1122/Zq7Random_Secret-Val".into(),
            "Zq7Random",
        ),
        (
            "https://x.webhook.office.com/webhookb2/0b9e7c1a-6a1f@4a52/IncomingWebhook/Zq7Random/9a3e".into(),
            "Zq7Random",
        ),
        (
            format!("https://oapi.dingtalk.com/robot/send?access_token={HEX64}"),
            HEX64,
        ),
        (format!("dingtalk secret SEC{HEX64}"), HEX64),
        (
            "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa".into(),
            "693a91f6",
        ),
        (
            "https://open.feishu.cn/open-apis/bot/v2/hook/9f2c7a1e-77aa-4b7b-8c8f-3c5d2e1f0a9b".into(),
            "9f2c7a1e",
        ),
        (
            "POST https://api.telegram.org/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/send".into(),
            "AAHdqTcvCH",
        ),
        ("jdbc:oracle:thin:scott/horse@//db:1521/orcl".into(), "horse"),
        ("sqlplus -S scott/horse@db".into(), "horse"),
        ("rocommunity Zq7Community 10.0.0.0/8".into(), "Zq7Community"),
        ("com2sec ro default Zq7Community".into(), "Zq7Community"),
        ("snmp-server community Zq7Community RO".into(), "Zq7Community"),
        ("snmpwalk -v 2c -c Zq7Community 10.0.0.1".into(), "Zq7Community"),
        ("snmp_community: horse".into(), "horse"),
        ("the initial admin password is horse".into(), "horse"),
        ("Your password is: 'correct-horse' - change it".into(), "correct-horse"),
        ("generated password was Zq7brace99, keep it".into(), "Zq7brace99"),
        ("the token is Zq7RandomSecretVal now".into(), "Zq7Random"),
        ("registering with token Zq7RandomSecretVal".into(), "Zq7Random"),
        ("using token 5ba1e8f7c2d94d60aa11 for n1".into(), "5ba1e8f7"),
        ("next=%2Flogin%3Fuser%3Dbob%26password%3Dhorse%26x%3D1".into(), "horse"),
        ("u=a%26api_key%253DZq7brace99%26y".into(), "Zq7brace99"),
        (
            "kind: Secret\ndata:\n  ca: |\n    Y29ycmVjdCBob3JzZSBi\n    YXR0ZXJ5IHN0YXBsZQ\n".into(),
            "YXR0ZXJ5IHN0YXBsZQ",
        ),
        (
            "apiVersion: v1\nkind: Secret\nstringData:\n  motto: horse\n".into(),
            "horse",
        ),
        ("password={Zq7brace99".into(), "Zq7brace99"),
        ("password=ab***cdZq7Rando x".into(), "cdZq7Rando"),
        ("password=abc‹Zq7RandomSecretVal".into(), "Zq7Random"),
        ("token=/etc/Zq7brace99slash".into(), "Zq7brace99"),
        (KEY.into(), "MIIEpAIBAAKCAQEA04up8hoqzS1z"),
        (KEY.replace('\n', "\\n"), "xhQYd0cX0hlhYnmPO2oY7Q8JY4bN9aZ5"),
        (KEY.replace('\n', "\n    "), "xhQYd0cX0hlhYnmPO2oY7Q8JY4bN9aZ5"),
        (
            KEY.replace("RSA", "OPENSSH")
                .replace("-----END OPENSSH PRIVATE KEY-----", ""),
            "xhQYd0cX0hlhYnmPO2oY7Q8JY4bN9aZ5",
        ),
        (
            format!("client-key-data: {}", STANDARD.encode(KEY)),
            "TUlJRXBBSUJBQUtDQVFFQTA0",
        ),
        (
            format!("  tls.key: {}", STANDARD.encode(KEY)),
            "TUlJRXBBSUJBQUtDQVFFQTA0",
        ),
    ] {
        let masked = once(&text);
        assert!(!masked.contains(secret), "{text}\n{masked}");
        assert!(masked.contains('‹'), "{masked}");
        assert_eq!(once(&masked), masked, "masking twice");
        assert_eq!(masked.lines().count(), text.lines().count(), "lines of {text}");
    }
}

#[test]
fn what_only_looks_secret_stays() {
    for text in [
        &format!("--ca-checksum {HEX64}"),
        &format!("'--ca-checksum {HEX64}'"),
        &format!("harbor.example.com/shop/checkout@sha256:{HEX64}"),
        &format!("containerd://{HEX64}"),
        "commit 83a4b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a5",
        "resourceVersion: \"104857\"",
        "uid: 0b9e7c1a-6a1f-4a52-9a3e-1d2f3c4b5a69",
        "SHA256 Fingerprint=AB:CD:EF:01:23:45",
        CERTIFICATE,
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----",
        "open tls.key: no -----BEGIN RSA PRIVATE KEY----- found",
        "pod-template-hash: 7d9f8c6b5",
        "--token-ttl=24h0m0s token-ttl=24h",
        "password: \"\"",
        "{\"passwordPolicy\":\"strict\"}",
        "secretName: checkout-tls",
        "imagePullSecrets:\n- name: regcred",
        "  - serviceAccountToken:\n      expirationSeconds: 3607\n      path: token",
        "the password is incorrect",
        "password is required, token is expired",
        "error: token was revoked by 10.0.0.1",
        "token default-token-x7k2p was not found",
        "Unable to fetch token https://auth.example.com/oauth/authorize",
        "set community 65000:100 additive",
        "https://hooks.slack.com/services/",
        "next=%2Fhome%3Fpage%3D2%26token%3D",
        "subjects:\n- kind: Secret\n  name: db\n",
        "jdbc:oracle:thin:@//db:1521/orcl",
        "secret \"bootstrap-token-abcdef\" not found in namespace kube-system",
        "type: kubernetes.io/service-account-token",
        "tokenReview: authentication.k8s.io",
        "Unable to authenticate the request: [invalid bearer token, token has expired]",
        "error: invalid token: token has expired",
        "failed to get token: context deadline exceeded",
        "--token <CLUSTER_TOKEN> --server https://rancher.example.com",
        "password: ***HIDDEN***",
        "TOKEN=[REDACTED] token: $(TOKEN)",
        "DB_PASSWORD:  <set to the key 'password' in secret 'db'>  Optional: false",
        "secretKeyRef:\n  key: password\n  name: db",
        "POSTGRES_PASSWORD_FILE=/run/secrets/pw",
        "--token-auth-file=/etc/tokens.csv --authentication-token-webhook=true",
        "bearerTokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token",
        "automountServiceAccountToken: true",
        "MountVolume.SetUp failed for volume \"tls\" : secret \"checkout-tls\" not found",
        "pull_secret=\"shop/regcred\" secret: regcred",
        "dial tcp: lookup registry.example.com: no such host https://registry.example.com:5000/v2/",
        "Cannot find user admin: access denied",
        "Access denied for user app@10.244.0.7 (using password: YES)",
        "sudo: ubuntu : TTY=pts/0 ; PWD=/home/ubuntu ; USER=root",
        "pwd: /var/lib/rancher",
        "--- PASS: TestMask (0.00s)",
        "pass: 3, fail: 0",
        "proxy_pass http://web:80; bypass=yes",
        "--secret regcred --secret=checkout-tls --secret id=npm,src=.npmrc",
        "--user 1000:1000 --user nginx:nginx --user system:kube-proxy",
        "secret: checkout-tls-certificate-2026",
        "pod/sk-controller-7d9f8c6b5-abcde",
        "default-token-x7k2p   kubernetes.io/service-account-token   3      10d",
        "cookie: not found",
        "密码错误：未找到用户",
        "openssl rsa -passin file:/etc/pw",
        "pulling oci://harbor.example.com:5000/shop/app@sha256",
        "https://mail.example.com/users/bob@example.com",
        "docker login --password-stdin",
    ] {
        assert_eq!(once(text), *text);
    }
}

#[test]
fn the_same_value_has_the_same_token_everywhere() {
    let mut masker = Masker::new();
    masker.enter_file("a.log");
    assert_eq!(
        masker.mask("password=hunter2 and hunter2"),
        "password=‹password-1› and ‹password-1›"
    );
    masker.enter_file("b.log");
    assert_eq!(
        masker.mask("--password hunter3, then aHVudGVyMg=="),
        "--password ‹password-2›, then ‹password-1›"
    );
    let counts: Vec<_> = masker
        .summary()
        .into_iter()
        .map(|r| (r.token, r.count, r.files))
        .collect();
    assert_eq!(
        counts,
        [("‹password-1›".to_owned(), 3, 2), ("‹password-2›".to_owned(), 1, 1)]
    );
    assert!(!serde_json::to_string(&masker.summary()).unwrap().contains("hunter"));
    assert!(!format!("{masker:?}").contains("hunter"));
}

#[test]
fn short_and_common_values_do_not_eat_text() {
    let mut masker = Masker::new();
    masker.learn_secret(Class::Password, "admin");
    masker.learn_secret(Class::Password, "12345678");
    masker.learn_json(&json!({"kind": "Secret", "data": {"namespace": STANDARD.encode("kube-system")}}));
    let text = "user admin in kube-system, 12345678 bytes";
    assert_eq!(masker.mask(text), text);
}

proptest! {
    #[test]
    fn random_secrets_in_random_text(secret in "[A-Za-z][A-Za-z0-9+/_.-]{4}[0-9][A-Za-z]{4,20}", before in "[ -~\n]{0,40}", after in "[ -~\n]{0,40}", frame in 0usize..7) {
        let planted = match frame {
            0 => format!("password=\"{secret}\""),
            1 => format!("--token {secret}"),
            2 => format!("DB_PASSWORD: '{secret}'"),
            3 => format!("{{\"apiKey\":\"{secret}\"}}"),
            4 => format!("amqp://bob:{}@mq", secret.replace('/', "_")),
            5 => format!("Authorization: Bearer {secret}"),
            _ => format!("{{\\\"client_secret\\\":\\\"{secret}\\\"}}"),
        };
        let secret = if frame == 4 { secret.replace('/', "_") } else { secret };
        let text = format!("{before}\n{planted}\n{after} {secret} {}", STANDARD.encode(&secret));
        let mut masker = Masker::new();
        let masked = masker.mask(&text).into_owned();
        prop_assert!(!masked.contains(&secret), "{masked}");
        prop_assert!(!masked.contains(&STANDARD.encode(&secret)), "{masked}");
        prop_assert_eq!(masker.leaks(masked.as_bytes()), []);
        prop_assert_eq!(masked.matches('\n').count(), text.matches('\n').count());
        prop_assert_eq!(masker.mask(&masked), masked.as_str());
    }

    #[test]
    fn any_text_keeps_its_lines(text in "(?s).{0,200}|([a-z:=\"'@/\\-\n ]|token|password|://|eyJ|-----BEGIN PRIVATE KEY-----\n|AKIA){0,40}") {
        let mut masker = Masker::new();
        let masked = masker.mask(&text).into_owned();
        prop_assert_eq!(masked.matches('\n').count(), text.matches('\n').count());
        prop_assert_eq!(masker.mask(&masked), masked.as_str());
    }
}

#[test]
fn secrets_in_commands_files_and_programs_are_masked() {
    for text in [
        "db.example:5432:shop:app:Fx9-horse",
        "*:*:*:postgres:Fx9-horse",
        "echo 'db:7000:shop:app:Fx9-horse' >> ~/.pgpass",
        "mysql -u root -p=Fx9-horse -h db",
        "mysqlimport -pFx9-horse shop",
        "podman login -u ci -p=Fx9-horse r.example",
        "vault operator unseal Fx9-horse",
        "vault login -no-print Fx9-horse",
        "Unseal Key 1: Fx9horseFx9horseFx9horse",
        "rabbitmqctl change_password app Fx9-horse",
        "htpasswd -b /etc/users bob Fx9-horse",
        "ldapsearch -x -D cn=admin -w Fx9-horse -b dc=x",
        "mc alias set s3 https://s3.example KEY1 Fx9-horse",
        "ipmitool -H h -U a -P Fx9-horse power",
        "smbclient -U bob%Fx9-horse //x/y",
        "echo Fx9-horse | sudo -S ls",
        "<name>javax.jdo.option.ConnectionPassword</name>\n  <value>Fx9-horse</value>",
        "<name>fs.s3a.secret.key</name><final>true</final><value>Fx9-horse</value>",
        "<add key=\"SmtpPassword\" value=\"Fx9-horse\"/>",
        "<entry key='db.password'>Fx9-horse</entry>",
        "define('DB_PASSWORD', 'Fx9-horse');",
        "setPassword(\"Fx9-horse\")",
        "os.environ[\"DB_PASSWORD\"] = \"Fx9-horse\"",
        "'password' => 'Fx9-horse',",
        "ENV DB_PASSWORD Fx9-horse",
        "username   app\npassword   Fx9-horse\n",
        "| password | Fx9-horse |",
        "{\"Key\":\"db_password\",\"Value\":\"Fx9-horse\"} ",
        "//registry.example/:_auth=Ym9iOkZ4OS1ob3JzZQ==",
        "default login app password Fx9-horse",
        "olcRootPW: {SSHA}Fx9horseFx9horseFx9horse",
        "PULL_SECRET=Fx9Horse",
        "master_key: Fx9-horse",
        "wpa psk=Fx9-horse",
        "robot$ci secret Fx9HorseFx9HorseFx9Horse",
        "keytool -storepass Fx9-horse",
    ] {
        let mut masker = Masker::new();
        let masked = masker.mask(text).into_owned();
        assert!(!masked.contains("Fx9") && masked.contains('‹'), "{masked}");
        assert_eq!(masker.mask(&masked), masked.as_str());
    }
    for text in [
        "10.0.0.1:5432: connection refused: by peer",
        "mysqld -p 3306",
        "vault status sealed",
        "<name>dfs.namenode.name.dir</name>\n<value>/data/1</value>",
        "<add key=\"Mode\" value=\"Fx9-horse\"/>",
        "[\"password\", \"lease\"]",
        "PULL_SECRET=shop-db-1",
        "the password matched2 nothing",
        "secret cattle-system/tls-rancher-internal-2",
    ] {
        assert_eq!(Masker::new().mask(text), text);
    }
}

#[test]
fn logins_in_the_forms_of_other_programs_are_masked() {
    let login = STANDARD.encode("robot:Tr0ub4dor-3");
    for (text, secret) in [
        (
            format!("[plugins.registry.configs.\"r:5000\".auth]\n  auth = \"{login}\""),
            login.as_str(),
        ),
        (format!("configs:\n  r:5000:\n    auth: {login}"), &login),
        (format!("proxy_set_header Authorization \"Basic {login}\";"), &login),
        (
            "machine git.example login ci password Tr0ub4dor-3".to_owned(),
            "Tr0ub4dor-3",
        ),
        (
            "machine git.example\n  login ci\n  password Tr0ub4dor-3\n".to_owned(),
            "Tr0ub4dor-3",
        ),
        (
            "CREATE USER 'app'@'%' IDENTIFIED BY 'Tr0ub4dor-3';".to_owned(),
            "Tr0ub4dor-3",
        ),
        ("ALTER ROLE app WITH PASSWORD 'Tr0ub4dor-3';".to_owned(), "Tr0ub4dor-3"),
        ("    auth_type PASS\n    auth_pass Tr0ub4d".to_owned(), "Tr0ub4d"),
        ("user admin insecure-password Tr0ub4dor-3".to_owned(), "Tr0ub4dor-3"),
        (
            "PresharedKey = FpCyhws9cxwWoV4xELtfJvjJN+zQVRPISllRWgeopVE=".to_owned(),
            "FpCyhws9cxwWoV4xELtfJvjJN+zQVRPISllRWgeopVE=",
        ),
        (
            "args: [\"skopeo\",\"--src-creds\",\"robot:Tr0ub4dor-3\"]".to_owned(),
            "Tr0ub4dor-3",
        ),
        (
            "hf_abcdefghijABCDEFGHIJabcdefghijAB12".to_owned(),
            "hf_abcdefghijABCDEFGHIJabcdefghijAB12",
        ),
    ] {
        let mut masker = Masker::new();
        let masked = masker.mask(&text).into_owned();
        assert!(!masked.contains(secret), "{masked}");
        assert_eq!(masker.mask(&masked), masked.as_str());
    }
    for text in [
        "auth: kubernetes",
        "basic authentication is off",
        "the machine has a login and a password file",
        "password 'must be changed' is told to users",
    ] {
        assert_eq!(Masker::new().mask(text), text);
    }
}

#[test]
fn a_login_that_is_called_like_its_application_leaves_the_name_of_the_application() {
    let mut masker = Masker::new();
    masker.leave_names(["profile-api", "velero"].into_iter());
    masker.learn_secret(Class::Secret, "profile");
    masker.learn_secret(Class::Secret, "velero");
    masker.learn_secret(Class::Secret, "Vj7-mule-93-Otter");
    assert_eq!(masker.mask("profile-api and velero run"), "profile-api and velero run");
    assert!(masker.mask("login with Vj7-mule-93-Otter").contains('‹'));
}
