package httpapi_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// asked are what a consumer can vary of a request for the feed.
type asked struct{ after, limit, view, types, contact, field, system, wait, accept, last string }

func (q asked) all() []string {
	return []string{q.after, q.limit, q.view, q.types, q.contact, q.field, q.system, q.wait, q.accept, q.last}
}

// query leaves out what is not said: a parameter that is there and empty is something else.
func (q asked) query() url.Values {
	v := url.Values{}
	for name, text := range map[string]string{
		"after": q.after, "limit": q.limit, "view": q.view, "type": q.types, "contact": q.contact, "field": q.field,
		"system": q.system, "wait": q.wait,
	} {
		if text != "" {
			v.Set(name, text)
		}
	}
	return v
}

// FuzzFeedParameters: whatever a consumer asks for, it gets events, a conflict or a bad request, and nothing of a
// request that cannot be read comes back.
func FuzzFeedParameters(f *testing.F) {
	for _, q := range []asked{
		{},
		{after: "2", limit: "1"},
		{after: "1:3", limit: "10000"},
		{after: "1:14", limit: "1"},
		{after: "9:1", limit: "1"},
		{after: "-1", limit: "0"},
		{after: "x", limit: "y"},
		{after: "1:", limit: "1e3"},
		{after: "\x00", limit: "\xff"},
		{after: "head", view: "contacts", wait: "0"},
		{after: "9", wait: "1", types: "mode.changed"},
		{wait: "99"},
		{view: "net", types: "record.*,,mode.changed"},
		{view: "contacts", types: "contact.changed", field: "city, phone", system: "hubspot"},
		{types: "*", system: "hubspot,aloware"},
		{types: "sales", system: "salesforce"},
		{contact: "hubspot:1", limit: "2", types: "record.*"},
		{contact: "aloware:9", view: "contacts", after: "4", field: "\x00"},
		{contact: "hubspot:77"},
		{contact: "jane.with.a.long.name.indeed@example.com"},
		{contact: ulid.Make().String()},
		{accept: "application/json", contact: "hubspot:1", types: "decision.made", limit: "1"},
		{accept: "application/json;q=0, */*;q=0.1"},
		{accept: "text/html"},
		{accept: ";;,\u00e9"},
		{accept: "text/event-stream", last: "1:2", types: "record.*"},
		{accept: "text/event-stream", last: "7:2"},
		{accept: "text/event-stream", last: "x"},
		{after: "99", last: "1"},
	} {
		f.Add(q.after, q.limit, q.view, q.types, q.contact, q.field, q.system, q.wait, q.accept, q.last)
	}
	store := backends.SQLite(f)
	s := start(f, store)
	s.story()
	project(f, store, s.log)
	f.Fuzz(func(t *testing.T, after, limit, view, types, contact, field, system, wait, accept, last string) {
		q := asked{after, limit, view, types, contact, field, system, wait, accept, last}
		if strings.ContainsFunc(accept+last, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Skip("no header")
		}
		s := &service{t: t, log: s.log, srv: s.srv}
		a, over := s.ask(q)
		switch {
		case over || a.status == 200 && a.header.Get("Content-Type") == "text/event-stream":
		case a.status == 200:
			if n := strings.Count(a.body, "\n"); n > 11 {
				t.Fatalf("%+v: %d lines of 10 events and a mark", q, n)
			}
		case slices.Contains([]int{400, 404, 406, 409}, a.status):
			s.wantProblem(a, a.status)
			for _, text := range q.all() {
				if len(text) > 30 && strings.Contains(a.body, text) {
					t.Fatalf("%q comes back: %s", text, a.body)
				}
			}
		default:
			t.Fatalf("%+v: %d %s", q, a.status, a.body)
		}
	})
}

// ask reads no answer that has no end, and gives one up that is waited for.
func (s *service) ask(q asked) (a answer, over bool) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	if n, err := strconv.Atoi(q.wait); err == nil && n > 0 {
		ctx, cancel = context.WithTimeout(s.t.Context(), 100*time.Millisecond)
	}
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.srv.URL+events+"?"+q.query().Encode(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer feed")
	for name, value := range map[string]string{"Accept": q.accept, "Last-Event-ID": q.last} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := s.srv.Client().Do(req)
	if errors.Is(err, context.DeadlineExceeded) {
		return a, true
	}
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	a = answer{status: resp.StatusCode, header: resp.Header}
	if resp.StatusCode == 200 && resp.Header.Get("Content-Type") == "text/event-stream" {
		return a, false
	}
	body, err := io.ReadAll(resp.Body)
	a.body = string(body)
	if errors.Is(err, context.DeadlineExceeded) {
		return a, true
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return a, false
}

// written lists the paths of everything that is sent a body, with something in place of each parameter.
func (s *service) written() []string {
	s.t.Helper()
	var doc struct {
		Paths map[string]map[string]struct{ RequestBody json.RawMessage }
	}
	if err := json.Unmarshal([]byte(s.get("/openapi.json", "").body), &doc); err != nil {
		s.t.Fatal(err)
	}
	var all []string
	parameter, known := regexp.MustCompile(`\{[^}]*\}`), map[string]string{"{connection}": "default", "{name}": "shop", "{plan}": "P-1"}
	fill := func(of string) string { return cmp.Or(known[of], ulid.Make().String()) }
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			if method != "get" && doc.Paths[path][method].RequestBody != nil {
				all = append(all, strings.ToUpper(method)+" "+parameter.ReplaceAllStringFunc(path, fill))
			}
		}
	}
	return all
}

// FuzzBodies: whatever is sent, it is done or is a bad request, and nothing of a request that cannot be read comes back.
func FuzzBodies(f *testing.F) {
	s := start(f, backends.SQLite(f))
	s.fill(3)
	s.want(s.tell(consumers, "root", `{"name":"shop"}`), 200, "")
	paths := s.written()
	for i := range paths {
		for _, body := range []string{
			`{"text":"+1 (818) 212-4567","reason":"\u0000","member":"a","ack":"e30","position":2,"after":"1:2","name":"shop"}`,
			`{"mode":"pilot","filter":"city = Oakland","max_writes":50,"reason":"go","name":"till","token":"\u0000"}`,
			`{"reason":"CHG-2214","settings":"fields: [","at":"yesterday","seconds":-1}`, `{"mode":7}`, `[]`, `null`, `"x"`, `{`, "\xff", ``,
		} {
			f.Add(uint8(i), body)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		s := &service{t: t, log: s.log, srv: s.srv}
		method, path, _ := strings.Cut(paths[int(which)%len(paths)], " ")
		a := s.do(method, path, http.Header{"Authorization": {"Bearer root"}, "Content-Type": {"application/json"}}, []byte(body))
		switch a.status {
		case 200, 202, 204:
		case 400, 401, 404, 409, 413, 415:
			s.wantProblem(a, a.status)
			if len(body) > 40 && strings.Contains(a.body, body) {
				t.Fatalf("%q comes back: %s", body, a.body)
			}
		default:
			t.Fatalf("%s %s %q: %d %s", method, path, body, a.status, a.body)
		}
	})
}
