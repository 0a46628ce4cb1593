package hubspot

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// FuzzTranslate: no body panics; each event becomes one arrival that can be stored, or the whole is a rejection.
func FuzzTranslate(f *testing.F) {
	for _, body := range []string{
		"", "[]", "null", "[null]", "[" + event("contact.creation", "") + "]", `[{"objectId":1e3}]`,
		"[" + event("contact.merge", `,"primaryObjectId":1,"mergedObjectIds":[2],"newObjectId":3`) + "]",
		"[" + event("contact.propertyChange", `,"propertyName":"a","propertyValue":"b"`) + "]",
		vectors[1].body,
		// as seen on the wire, and as documented
		`[{"eventId":3944863254,"subscriptionId":3327050,"portalId":49532047,"appId":9318066,` +
			`"occurredAt":1742175136625,"subscriptionType":"contact.creation","attemptNumber":7,` +
			`"objectId":106500991877,"changeFlag":"CREATED","changeSource":"INTEGRATION","sourceId":"9318066"}]`,
		`[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,` +
			`"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM",` +
			`"changeFlag":"NEW","appId":54321}]`,
		"[" + event("object.propertyChange", `,"objectTypeId":"0-1","propertyName":"a","isSensitive":true`) + "]",
	} {
		f.Add([]byte(body))
	}
	c := verifier(f, "s")
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := c.Translate(adapters.Delivery{Body: body, ReceivedAt: time.UnixMicro(1)})
		var r *adapters.Rejection
		if err != nil && (!errors.As(err, &r) || r.Status != http.StatusBadRequest) {
			t.Fatalf("%v", err)
		}
		for _, a := range got {
			switch {
			case a.Raw != nil:
				if a.Type != domain.SourceRaw || !json.Valid(a.Raw.Body) {
					t.Fatalf("%+v", a)
				}
			case !a.Ignored && (a.Record.ID == "" || a.Account == "" || a.OccurredAt <= 0 || a.Key == ""):
				t.Fatalf("%+v", a)
			}
			if _, err := domain.ParseRecord(a.Record.String()); a.Raw == nil && !a.Ignored && err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzAuthenticate: nothing but the signature itself is authentic.
func FuzzAuthenticate(f *testing.F) {
	v := vectors[0]
	f.Add(v.signature, v.at, v.url, []byte(v.body))
	f.Add("", "", "%", []byte(nil))
	f.Add("AAAA", "1693657560000", "%3A%", []byte("[]"))
	c := verifier(f, vectorSecret)
	sent := time.UnixMilli(whole(jsonNumber(v.at)))
	f.Fuzz(func(t *testing.T, signature, at, url string, body []byte) {
		d := delivery(url, string(body), at, signature, sent)
		if c.Authenticate(d) != nil {
			return
		}
		// A URL may be written with or without escapes; everything else must be as signed.
		if signature != v.signature || at != v.at || decodeURL(url) != decodeURL(v.url) || string(body) != v.body {
			t.Fatalf("taken: %q %q %q", signature, at, url)
		}
	})
}

// FuzzAnswer: whatever HubSpot answers to a batch, each row gets one answer that makes sense.
func FuzzAnswer(f *testing.F) {
	f.Add(200, `{"results":[{"id":"1","properties":{"a":"b"},"objectWriteTraceId":"0"}]}`)
	f.Add(207, `{"errors":[{"category":"CONFLICT","message":"Existing ID: 7","context":{"ids":["1"]}}]}`)
	f.Add(400, `{"message":"x: [{\"name\":\"a\",\"error\":\"INVALID\"}]"}`)
	f.Add(409, `{"message":"Contact already exists. Existing ID: 7"}`)
	f.Add(404, `null`)
	f.Add(400, `{"status":"error","message":"Property values were not valid","correlationId":"c",`+
		`"category":"VALIDATION_ERROR","errors":[{"message":"x","in":"a","code":"INVALID_EMAIL",`+
		`"context":{"propertyName":["a"]},"subCategory":""}],"links":{}}`)
	f.Add(409, `{"status":"error","message":"Contact already exists. Existing ID: 37765128953","correlationId":"c",`+
		`"category":"CONFLICT"}`)
	f.Add(429, `{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT",`+
		`"correlationId":"c","policyName":"DAILY","requestId":"r"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		var out [2]adapters.WriteAnswer
		rows := []*row{
			newRow(0, adapters.Write{Record: record("1"), Values: map[string]json.RawMessage{"a": []byte(`"b"`)}}, &out[0]),
			newRow(1, adapters.Write{Create: true, Values: map[string]json.RawMessage{"a": []byte(`"b"`)}}, &out[1]),
		}
		failed := classify(status, http.Header{}, []byte(body))
		for _, r := range rows {
			if r.failed(failed.problem, status) && len(r.props) == 0 {
				t.Fatal("to be sent again with nothing in it")
			}
		}
		var a batchAnswer
		if json.Unmarshal([]byte(body), &a) != nil {
			return
		}
		again := settle(rows, a, time.UnixMicro(1))
		for i := range rows {
			if len(again) == 0 && out[i].Err == nil && out[i].Record.ID == "" {
				t.Fatalf("row %d has no answer", i)
			}
		}
		for _, o := range a.Results {
			o.snapshot(time.UnixMicro(1))
		}
	})
}
