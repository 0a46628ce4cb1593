package httpapi

import "testing"

func TestAccepted(t *testing.T) {
	for header, want := range map[string]string{
		"":                                  ndjson,
		"*/*":                               ndjson,
		"application/*":                     ndjson,
		"application/json":                  jsonPage,
		"Application/JSON; charset=utf-8":   jsonPage,
		"application/json, text/plain, */*": jsonPage,
		"text/html, application/json;q=0.9": jsonPage,
		"text/html,application/xhtml+xml,*/*;q=0.8":           ndjson,
		"application/json;q=0.2, application/x-ndjson;q=0.3":  ndjson,
		"application/json; Q=0.5, text/event-stream;q=0.9":    eventStream,
		"application/json;q=0, */*":                           ndjson,
		"application/x-ndjson;q=0, */*;q=0.1":                 jsonPage,
		"application/x-ndjson;q=0, application/*":             jsonPage,
		"text/event-stream, */*":                              eventStream,
		"application/x-ndjson;q=0, application/json;q=0, */*": "", // a stream without an end is for who names it
		"text/*":                 "",
		"text/html":              "",
		"application/json;q=0":   "",
		"application/json;q=0.0": "",
		"json":                   "",
		";;,, /":                 "",
		"application/json;q=NaN": jsonPage, // a weight that cannot be read is none
		"application/json;q=7, application/x-ndjson;q=0.9, x;y;z=": jsonPage,
	} {
		if got := accepted(header, ndjson, jsonPage, eventStream); got != want {
			t.Errorf("%q is answered with %q, want %q", header, got, want)
		}
	}
	if got := accepted("text/event-stream", ndjson, jsonPage); got != "" {
		t.Errorf("a form there is none of: %q", got)
	}
}
