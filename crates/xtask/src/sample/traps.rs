//! Every known way in which a record is not as one would expect. None of them is a reject.

/// One record a line of `traps.jsonl`.
pub(super) const RECORDS: &[&str] = &[
    // The guide's table has `UserId`, its example `userId`.
    r#"{"eventTime":"2026-10-31T09:00:00.000+0000","eventId":"event_id.project.create","eventLogUuid":"trap-user-id","UserId":"kim.cheolsu@example.com","userName":"김철수"}"#,
    r#"{"eventTime":"2026-10-31T09:00:01.000+0000","eventId":"event_id.project.create","eventLogUuid":"trap-user-id-twice","UserId":"old@example.com","userId":"kim.cheolsu@example.com"}"#,
    // Records from before mid-2024 have no key.
    r#"{"eventTime":"2019-11-01T10:31:49.348+0000","eventId":"event_id.iaas.instance.create","userName":"이영희","userIp":"10.20.30.40"}"#,
    // Personal fields can be masked by the organization, secrets in requests always are.
    r#"{"eventTime":"2026-10-31T09:00:02.000+0000","eventId":"event_id.iam.member.role.update","eventLogUuid":"trap-masked","userIdNo":"***","userName":"홍*동","userId":"ho***@example.com","userIp":"***","request":"{\"password\":\"********\",\"secretKey\":\"********\"}","eventTarget":{"targetMembers":[{"idNo":"***","name":"임*정","userCode":"***","emailAddress":"im***@example.com"}]}}"#,
    // The address of the guide's example, which no strict parser takes; and other odd ones.
    r#"{"eventTime":"2026-10-31T09:00:03.000+0000","eventId":"event_id.project.update","eventLogUuid":"trap-address","userIp":"10.00.00.000"}"#,
    r#"{"eventTime":"2026-10-31T09:00:03.500+0000","eventId":"event_id.project.update","eventLogUuid":"trap-addresses","userIp":"203.0.113.7, 10.0.0.1"}"#,
    r#"{"eventTime":"2026-10-31T09:00:03.900+0000","eventId":"event_id.project.update","eventLogUuid":"trap-address-v6","userIp":"2001:db8::7"}"#,
    // A user code is a whole number in the guide's table, text in its example.
    r#"{"eventTime":"2026-10-31T09:00:04.000+0000","eventId":"event_id.project.member.add","eventLogUuid":"trap-user-code","eventTarget":{"targetMembers":[{"idNo":"a1","name":"박지민","userCode":10031,"emailAddress":"park.jimin@example.com"},{"idNo":"a2","name":"佐藤 花子","userCode":"sato","emailAddress":null}]}}"#,
    // Targets of other forms.
    r#"{"eventTime":"2026-10-31T09:00:04.100+0000","eventId":"event_id.project.member.add","eventLogUuid":"trap-target-more","eventTarget":{"targetMembers":[{"idNo":"a1","team":"ops"}],"targetGroups":["g1"]}}"#,
    r#"{"eventTime":"2026-10-31T09:00:04.200+0000","eventId":"event_id.project.member.add","eventLogUuid":"trap-target-text","eventTarget":"a1"}"#,
    r#"{"eventTime":"2026-10-31T09:00:04.300+0000","eventId":"event_id.project.member.add","eventLogUuid":"trap-target-empty","eventTarget":{}}"#,
    // The response as an object, not as text.
    r#"{"eventTime":"2026-10-31T09:00:05.000+0000","eventId":"event_id.iaas.instance.create","eventLogUuid":"trap-response-object","response":{"header":{"isSuccessful":false,"resultCode":-4003,"resultMessage":"할당량을 초과했습니다"},"body":null}}"#,
    // Request and response as any other text.
    r#"{"eventTime":"2026-10-31T09:00:06.000+0000","eventId":"event_id.iaas.instance.delete","eventLogUuid":"trap-any-text","request":"DELETE /v2/servers/42?force=true","response":"OK"}"#,
    r#"{"eventTime":"2026-10-31T09:00:06.100+0000","eventId":"event_id.iaas.instance.delete","eventLogUuid":"trap-cut-json","request":"{\"servers\":[{\"id\":\"4","response":""}"#,
    // A response that says neither success nor failure.
    r#"{"eventTime":"2026-10-31T09:00:06.200+0000","eventId":"event_id.iaas.instance.delete","eventLogUuid":"trap-no-outcome","response":"{\"header\":{\"resultCode\":\"E-17\"}}"}"#,
    // Fields that are null, or missing: nothing at all is still a record.
    r#"{"eventTime":null,"eventId":null,"userName":null,"eventTarget":null,"request":null,"response":null,"eventLogUuid":"trap-nulls"}"#,
    r#"{"eventLogUuid":"trap-nothing-but-a-key"}"#,
    r#"{}"#,
    // Fields that were added.
    r#"{"eventTime":"2026-10-31T09:00:07.000+0000","eventId":"event_id.project.update","eventLogUuid":"trap-added","eventVersion":"3","labels":{"팀":"플랫폼","cost":1.50,"big":12345678901234567890,"huge":1e400},"traceId":null}"#,
    // IDs that the catalog does not have: of a known service, of none, and no ID.
    r#"{"eventTime":"2026-10-31T09:00:08.000+0000","eventId":"event_id.object_storage.robot.create.end","eventLogUuid":"trap-unknown"}"#,
    r#"{"eventTime":"2026-10-31T09:00:08.100+0000","eventId":"event_id.moon_base.airlock.open","eventLogUuid":"trap-unknown-service"}"#,
    r#"{"eventTime":"2026-10-31T09:00:08.200+0000","eventId":"login","eventLogUuid":"trap-no-id"}"#,
    // Times of every kind, and some that are none.
    r#"{"eventTime":1793437209000,"eventId":"event_id.project.selected","eventLogUuid":"trap-time-millis"}"#,
    r#"{"eventTime":"1793437209000","eventId":"event_id.project.selected","eventLogUuid":"trap-time-millis-text"}"#,
    r#"{"eventTime":"2026-10-31T18:00:09+09:00","eventId":"event_id.project.selected","eventLogUuid":"trap-time-rfc3339"}"#,
    r#"{"eventTime":"2026-10-31T09:00:09.123456Z","eventId":"event_id.project.selected","eventLogUuid":"trap-time-micros"}"#,
    r#"{"eventTime":"2016-12-31T23:59:60.000+0000","eventId":"event_id.project.selected","eventLogUuid":"trap-time-leap-second"}"#,
    r#"{"eventTime":"어제 오후 6시","eventId":"event_id.project.selected","eventLogUuid":"trap-time-unreadable"}"#,
    r#"{"eventTime":"2026-10-31T09:00:09.000","eventId":"event_id.project.selected","eventLogUuid":"trap-time-without-offset"}"#,
    // Keys and text written with escapes, and half a character.
    r#"{"event\u0054ime":"2026-10-31T09:00:10.000+0000","\u0065ventId":"event_id.project.delete","eventLogUuid":"trap-escapes","userName":"\uae40\uac1c\ubc1c \ud83d\ude80","projectName":"a\/b \"c\"\n"}"#,
    r#"{"eventTime":"2026-10-31T09:00:11.000+0000","eventId":"event_id.project.delete","eventLogUuid":"trap-lone-surrogate","userName":"half \ud83d a rocket","note":["\udc00"]}"#,
    // Keys that come twice: the last one counts.
    r#"{"eventTime":"2026-10-31T09:00:12.000+0000","eventId":"event_id.project.create","eventLogUuid":"trap-repeated","region":"KR1","more":1,"eventId":"event_id.project.delete","region":"KR2","more":2}"#,
    // Text fields that hold something else.
    r#"{"eventTime":"2026-10-31T09:00:13.000+0000","eventId":"event_id.project.update","eventLogUuid":7,"region":1,"orgId":["a", "b"],"userName":true,"projectId":{"id": 5}}"#,
    // Control characters and text that turns around, which a terminal must not get.
    r#"{"eventTime":"2026-10-31T09:00:14.000+0000","eventId":"event_id.project.update","eventLogUuid":"trap-control","userName":"\u001b[31mred\u001b[0m\u0007","userAgent":"\u202etxt.exe","projectName":"=HYPERLINK(\"http://example.com\")"}"#,
    // The same record twice, and its key with other content.
    r#"{"eventTime":"2026-10-31T09:00:15.000+0000","eventId":"event_id.project.update","eventLogUuid":"trap-duplicate","region":"KR1"}"#,
    r#"{ "region": "KR1", "eventLogUuid": "trap-duplicate", "eventId": "event_id.project.update", "eventTime": "2026-10-31T09:00:15.000+0000" }"#,
    r#"{"eventTime":"2026-10-31T09:00:15.000+0000","eventId":"event_id.project.update","eventLogUuid":"trap-duplicate","region":"KR2"}"#,
];

/// The example in NHN Cloud's CloudTrail guide, as it stands there.
pub(super) const GUIDE: &str = r#"{
    "header": {
        "resultCode": 0,
        "resultMessage": "SUCCESS",
        "isSuccessful": true
    },
    "page": {
        "content": [
            {
                "eventTime": "2019-11-01T10:31:49.348+0000",
                "userIdNo": "String",
                "userIp":"10.00.00.000",
                "userAgent":"ReactorNetty/0.8.4.RELEASE",
                "userName": "홍길동",
                "userId": "test_email@nhn.com",
                "eventSourceType": "API",
                "productId": "M0XnzOFE",
                "region": "String",
                "orgId": "String",
                "projectId": "String",
                "projectName": "String",
                "appKey": "String",
                "tenantId": "String",
                "eventId": "event_id.iam.member.role.update",
                "eventLogUuid": "17278c08-8338-4fd9-9693-931290adb9ec",
                "request": "{\n\t\"id\" : \"2\",\n\t\"productId\" : \"M0XnzOFE\",\n\t\"uuid\" : \"String\"\n\t\n}",
                "response": "{\"header\":{\"resultCode\":0,\"resultMessage\":\"SUCCESS\",\"isSuccessful\":true}}",
                "eventTarget": {
                    "targetMembers": [
                        {
                            "idNo": "String",
                            "name": "임꺽정",
                            "userCode": "test_user",
                            "emailAddress": "test_email2@nhn.com"
                        }
                    ]
                }
            }
        ]
    }
}
"#;
