package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
)

const contactsAt = "/v1/connections/default/contacts"

// wire is a CloudEvent as a consumer reads it.
type wire struct {
	ID, Type, Subject, Sequence, Fields string
	Erased                              bool
	Data                                json.RawMessage
}

// read reads the feed's lines; the last one of a narrowed feed is a mark.
func (s *service) read(query, token string) []wire {
	s.t.Helper()
	a := s.get(events+"?"+query, token)
	if a.status != 200 {
		s.t.Fatalf("%s: %d %s", query, a.status, a.body)
	}
	return s.lines(a)
}

func (s *service) lines(a answer) (all []wire) {
	s.t.Helper()
	for line := range strings.Lines(a.body) {
		var w wire
		if err := json.Unmarshal([]byte(line), &w); err != nil {
			s.t.Fatalf("%v: %s", err, line)
		}
		all = append(all, w)
	}
	return all
}

func (s *service) append(all ...eventstore.NewEvent) {
	s.t.Helper()
	if _, err := s.log.Append(s.t.Context(), all...); err != nil {
		s.t.Fatal(err)
	}
}

// data is a payload as it is stored.
func data(t testing.TB, payload any) []byte {
	t.Helper()
	text, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func shape(all []wire) string {
	var b strings.Builder
	for _, w := range all {
		fmt.Fprintf(&b, "%s@%s ", w.Type, w.Sequence)
	}
	return b.String()
}

// newID makes ids for events of tests.
func newID() ulid.ULID { return ulid.Make() }

func act(kind string) eventstore.NewEvent {
	return eventstore.NewEvent{
		ID: newID(), Stream: "connection", Type: kind, Schema: 1, Actor: "test", Subject: eventstore.SubjectLog,
		Data: []byte(`{"reason":"test"}`),
	}
}

func fact(record, property, value string) eventstore.NewEvent {
	return eventstore.NewEvent{
		ID: newID(), Stream: record, Type: domain.RecordUpdated, Schema: 1, Actor: "test", Subject: record,
		Data: fmt.Appendf(nil, `{"via":"webhook","clock":%d,"properties":{%q:%q}}`, time.Now().UnixMicro(), property, value),
	}
}

func TestFilteredFeedMovesItsCheckpoint(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		s.append(act(domain.SyncPaused), fact("hubspot/contact/1", "city", "Bern"), fact("aloware/contact/9", "cnam_city", "Bern"),
			act(domain.SyncResumed), fact("hubspot/contact/2", "email", "a@example.com"))
		for query, want := range map[string]string{
			"type=sync.paused":              "sync.paused@1 duolog.position@5 ",
			"type=record.*&limit=1":         "record.updated@2 duolog.position@2 ",
			"type=record.*":                 "record.updated@2 record.updated@3 record.updated@5 duolog.position@5 ",
			"type=record.*&after=3":         "record.updated@5 duolog.position@5 ",
			"system=aloware":                "record.updated@3 duolog.position@5 ",
			"field=email,phone":             "record.updated@5 duolog.position@5 ",
			"type=sync.resumed,sync.paused": "sync.paused@1 sync.resumed@4 duolog.position@5 ",
			"type=mode.changed&after=2":     "duolog.position@5 ",
		} {
			a := s.get(events+"?"+query, "feed")
			if got := shape(s.lines(a)); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
			at := want[strings.LastIndex(want, "@")+1 : len(want)-1]
			if next := a.trailer.Get("Duolog-Next"); !strings.HasSuffix(next, ":1:"+at) {
				t.Errorf("%s: goes on from %q, want %s", query, next, at)
			}
			a = s.do("GET", events+"?"+query, http.Header{"Authorization": {"Bearer feed"}, "Accept": {"application/json"}}, nil)
			var page struct{ Next, Through string }
			if err := json.Unmarshal([]byte(a.body), &page); err != nil || !strings.HasSuffix(page.Next, ":1:"+at) || page.Through != "" {
				t.Errorf("%s as JSON: %v %s, want to go on from %s", query, err, a.body, at)
			}
		}
		for query, says := range map[string]string{
			"type=sync.stopped": "sync.paused", "system=salesforce": "hubspot, aloware", "view=net": "log", "wait=99": "50",
			"types=record.*":           "there are after, limit, view, type",
			"contact=jane@example.com": "hubspot:ID", "view=contacts&type=record.updated": "contact.changed",
		} {
			a := s.get(events+"?"+query, "feed")
			s.wantProblem(a, 400)
			if !strings.Contains(a.body, says) || strings.Contains(a.body, "jane") {
				t.Errorf("%s says %s, want what is allowed: %s", query, a.body, says)
			}
		}
		s.wantProblem(s.get(events+"?contact=hubspot:77", "feed"), 404)
	})
}

func TestFeedAsOnePageOfJSON(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		s.fill(12)
		var page struct {
			Events     []wire
			Next, Head string
		}
		a := s.do("GET", events+"?limit=5&after=3", http.Header{
			"Authorization": {"Bearer feed"}, "Accept": {"text/html, application/json;q=0.9"},
		}, nil)
		if err := json.Unmarshal([]byte(a.body), &page); err != nil || a.header.Get("Content-Type") != "application/json" {
			t.Fatalf("%v: %s", err, a.body)
		}
		if len(page.Events) != 5 || page.Events[0].Sequence != "4" || !strings.HasSuffix(page.Next, ":1:8") || !strings.HasSuffix(page.Head, ":1:12") {
			t.Errorf("page: %+v", page)
		}
		for _, path := range []string{events, consumers + "/shop/events?member=a"} {
			a := s.do("GET", path, http.Header{"Authorization": {"Bearer feed"}, "Accept": {"text/html, application/json;q=0"}}, nil)
			s.wantProblem(a, 406)
			s.want(a, 406, "application/x-ndjson or application/json")
		}
		a = s.do("GET", events+"?after="+page.Head, http.Header{"Authorization": {"Bearer feed"}, "Accept": {"application/json"}}, nil)
		if err := json.Unmarshal([]byte(a.body), &page); err != nil || len(page.Events) != 0 || page.Next != page.Head {
			t.Errorf("at the end: %v %s", err, a.body)
		}
	})
}

func TestLongPoll(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		s.fill(2)
		began := time.Now()
		if got := shape(s.read("after=2&wait=1", "feed")); got != "" || time.Since(began) < time.Second {
			t.Errorf("nothing came, and %q was answered after %s", got, time.Since(began))
		}
		if got := shape(s.read("after=head&view=contacts", "feed")); got != "duolog.position@2 " {
			t.Errorf("from the end on: %s", got)
		}
		answered := make(chan string)
		go func() { answered <- shape(s.read("after=2&wait=30&type=sync.paused", "feed")) }()
		s.append(act(domain.SyncResumed))
		s.append(act(domain.SyncPaused))
		if got := <-answered; got != "sync.paused@4 duolog.position@4 " {
			t.Errorf("waited and got %s", got)
		}
	})
}

// live is a stream of server-sent events.
type live struct {
	t    *testing.T
	body *bufio.Reader
	resp *http.Response
}

func (s *service) follow(t *testing.T, query, lastID string) *live {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", s.srv.URL+events+"?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer root")
	req.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := s.srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return &live{t, bufio.NewReader(resp.Body), resp}
}

// next returns the next message: its event, its id and its data.
func (l *live) next() (event, id, data string) {
	l.t.Helper()
	for {
		line, err := l.body.ReadString('\n')
		if err != nil {
			l.t.Fatalf("stream ended: %v", err)
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "event":
			event = value
		case "id":
			id = value
		case "data":
			data = value
		case "":
			if data != "" {
				return event, id, data
			}
		}
	}
}

func TestFollowAndResume(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		s.fill(3)
		l := s.follow(t, "after=1", "")
		if l.resp.Header.Get("Content-Type") != "text/event-stream" || l.resp.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("headers %v", l.resp.Header)
		}
		if event, id, _ := l.next(); event != "position" || !strings.HasSuffix(id, ":1:1") {
			t.Errorf("begins with %s %s, want its position", event, id)
		}
		last := ""
		for n := 2; n <= 6; n++ {
			if n > 3 {
				s.append(act(domain.SyncPaused))
			}
			event, id, data := l.next()
			if event != "" || !strings.HasSuffix(id, fmt.Sprintf(":1:%d", n)) || !strings.Contains(data, fmt.Sprintf(`"sequence":"%d"`, n)) {
				t.Fatalf("message %d: %q %q %s", n, event, id, data)
			}
			if n == 4 {
				last = id
			}
		}
		l.resp.Body.Close()
		again := s.follow(t, "after=0", last)
		again.next()
		if _, id, _ := again.next(); !strings.HasSuffix(id, ":1:5") {
			t.Errorf("resumes at %s, want the event after %s", id, last)
		}
		a := s.do("GET", events, http.Header{
			"Authorization": {"Bearer root"}, "Accept": {"text/event-stream"}, "Last-Event-Id": {"7:1"},
		}, nil)
		s.wantProblem(a, 409)
	})
}

func TestFollowFilteredTellsItsPosition(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		l := s.follow(t, "type=sync.resumed", "")
		l.next()
		s.append(act(domain.SyncPaused), act(domain.SyncPaused))
		if event, id, _ := l.next(); event != "position" || !strings.HasSuffix(id, ":1:2") {
			t.Errorf("%s %s, want a mark at 2", event, id)
		}
		s.append(act(domain.SyncResumed))
		if event, id, _ := l.next(); event != "" || !strings.HasSuffix(id, ":1:3") {
			t.Errorf("%s %s, want the event at 3", event, id)
		}
	})
}

// decide appends a decision about a field as the planner would.
func (s *service) decide(contact ulid.ULID, input int64, whole planner.Result, links []planner.Link, verdicts ...planner.Verdict) {
	s.t.Helper()
	d := planner.Decision{Planner: 2, Settings: 1, Mode: domain.ModeLive, Input: input, Contact: contact, Links: links, Fields: verdicts}
	if whole != "" {
		d.Whole = &planner.Whole{Result: whole}
	}
	s.append(eventstore.NewEvent{
		ID: newID(), Stream: "contact/" + contact.String(), Type: domain.DecisionMade, Schema: 1, Actor: "duolog",
		Causation: input, Subject: eventstore.SubjectLog, Data: data(s.t, d),
	})
}

func verdict(result planner.Result, record string, position int64, digest string) planner.Verdict {
	rec, _ := domain.ParseRecord(record)
	return planner.Verdict{
		Field: "city", Result: result, From: rec.System,
		Value: &planner.Ref{Record: rec, Property: "city", Position: position, Digest: digest},
		After: planner.FieldState{State: planner.InStep},
	}
}

// A person changes a city twice and Duolog writes it to the other side, which tells it back: three and more events
// each, and one change each.
func (s *service) story() (contact ulid.ULID) {
	contact = newID()
	hub, _ := domain.ParseRecord("hubspot/contact/1")
	alo, _ := domain.ParseRecord("aloware/contact/9")
	links := []planner.Link{{Record: hub, Contact: contact, State: planner.Linked, Reason: "email"}, {Record: alo, Contact: contact, State: planner.Linked, Reason: "email"}}
	s.append(fact("hubspot/contact/1", "city", "Bern"))                                                  // 1
	s.decide(contact, 1, planner.LinkedUp, links, verdict(planner.Agreed, "hubspot/contact/1", 1, "d1")) // 2
	s.append(fact("hubspot/contact/1", "city", "Zürich"))                                                // 3
	s.decide(contact, 3, "", nil, verdict(planner.Sent, "hubspot/contact/1", 3, "d2"))                   // 4
	s.append(fact("aloware/contact/9", "city", "Zürich"))                                                // 5
	s.decide(contact, 5, "", nil, verdict(planner.Echo, "aloware/contact/9", 5, "d2"))                   // 6
	s.append(fact("aloware/contact/9", "city", "Basel"))                                                 // 7, told by a webhook
	s.append(fact("aloware/contact/9", "city", "Basel"))                                                 // 8, and by the read that confirms it
	s.decide(contact, 8, "", nil, verdict(planner.Blocked, "aloware/contact/9", 8, "d3"))                // 9
	s.append(act(domain.SyncPaused))                                                                     // 10
	return contact
}

func TestViewOfContactsHasEachChangeOnce(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		contact := s.story()
		all := s.read("view=contacts", "root")
		if got := shape(all); got != "contact.changed@2 contact.changed@4 contact.changed@9 duolog.position@10 " {
			t.Fatalf("changes: %s", got)
		}
		for i, want := range []string{
			`"what":"linked","source":"hubspot","record":"hubspot/contact/1","records":["hubspot/contact/1","aloware/contact/9"],"input":1,"fields":{"city":{"before":null,"after":"Bern","result":"agreed"}}`,
			`"source":"hubspot","record":"hubspot/contact/1","input":3,"fields":{"city":{"before":"Bern","after":"Zürich","result":"sent"}}`,
			`"source":"aloware","record":"aloware/contact/9","input":8,"fields":{"city":{"before":"Zürich","after":"Basel","result":"blocked by direction"}}`,
		} {
			if got := string(all[i].Data); got != `{"contact":"`+contact.String()+`",`+want+`}` {
				t.Errorf("change %d: %s", i, got)
			}
		}
		for _, limit := range []string{"1", "2"} { // whatever the pages, the same changes
			var again []wire
			for after := "0"; len(again) < 3; {
				page := s.read("view=contacts&limit="+limit+"&after="+after, "root")
				again = append(again, page[:len(page)-1]...)
				after = page[len(page)-1].Sequence
			}
			if fmt.Sprint(again) != fmt.Sprint(all[:3]) {
				t.Errorf("in pages of %s: %v", limit, again)
			}
		}
		ids := s.get(events+"?view=contacts", "feed").body
		if strings.Contains(ids, "Bern") || strings.Contains(ids, "Basel") || !strings.Contains(ids, `"property_names":["city"]`) {
			t.Errorf("a consumer reads values: %s", ids)
		}
		if got := shape(s.read("view=contacts&system=aloware&field=city", "feed")); got != "contact.changed@9 duolog.position@10 " {
			t.Errorf("narrowed: %s", got)
		}
	})
}

// project folds the log into the projections the API reads.
func project(t testing.TB, store eventstore.Store, log eventstore.Log) {
	t.Helper()
	r := projections.New(store, log, projections.Options{}, contacts.Projection{}, history.Projection{})
	if err := r.CatchUp(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFeedOfAContactAndItsBootstrap(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		contact := s.story()
		project(t, store, s.log)
		s.append(fact("hubspot/contact/1", "city", "Genf"), fact("hubspot/contact/2", "city", "Genf")) // not known yet
		for _, who := range []string{contact.String(), "hubspot:1", "aloware:9"} {
			a := s.get(events+"?contact="+who, "feed")
			if n := strings.Count(a.body, "\n"); n != 10 || !strings.HasSuffix(a.header.Get("Duolog-Through"), ":1:10") {
				t.Errorf("%s: %d lines through %s, want nine and a mark through 10", who, n, a.header.Get("Duolog-Through"))
			}
		}
		if got := shape(s.read("contact=hubspot:1&limit=3&after=1", "feed")); got != "decision.made@2 record.updated@3 decision.made@4 duolog.position@4 " {
			t.Errorf("a page of a contact: %s", got)
		}
		s.pagesOfAContact()
		l := s.follow(t, "contact=hubspot:1&type=record.*&after=3", "")
		l.next()
		for _, want := range []string{":1:5", ":1:7", ":1:8"} {
			if event, id, _ := l.next(); event != "" || !strings.HasSuffix(id, want) {
				t.Errorf("followed: %s %s, want the event at %s", event, id, want)
			}
		}
		const state = contactsAt
		s.wantProblem(s.get(state, "feed"), 403)
		s.wantProblem(s.get(state+"/hubspot:1/explain?field=city", "feed"), 403)
		s.wantProblem(s.get(state+"?as_of=7:1", "feed"), 409)
		s.wantProblem(s.get(state+"?as_of=now", "feed"), 400)
		var page struct {
			Contacts []contacts.Contact
			AsOf     string `json:"as_of"`
		}
		a := s.get(state+"?as_of=head", "feed")
		if err := json.Unmarshal([]byte(a.body), &page); err != nil || len(page.Contacts) != 1 || !strings.HasSuffix(page.AsOf, ":1:10") {
			t.Fatalf("bootstrap: %v %s", err, a.body)
		}
		if strings.Contains(a.body, "Basel") {
			t.Errorf("a consumer reads values: %s", a.body)
		}
		project(t, store, s.log)
		a = s.get(state+"?as_of="+page.AsOf, "root")
		if !strings.Contains(a.body, "Zürich") || strings.Contains(a.body, "Genf") {
			t.Errorf("the next page shows another state: %s", a.body)
		}
		if got := shape(s.read("after="+page.AsOf, "feed")); got != "record.updated@11 record.updated@12 " {
			t.Errorf("from there on: %s", got)
		}
	})
}

// pagesOfAContact: a page that ends early, or on which nothing passes, is not the end, and each says up to where it is known
// what concerns the contact.
func (s *service) pagesOfAContact() {
	s.t.Helper()
	for query, want := range map[string]string{
		"type=decision.made&limit=1&after=4": "decision.made@6 duolog.position@6 ",
		"type=record.*&limit=2":              "record.updated@1 record.updated@3 duolog.position@3 ",
		"type=mode.changed&limit=1":          "duolog.position@10 ",
		"view=contacts&limit=1&after=4":      "contact.changed@9 duolog.position@10 ",
	} {
		a := s.get(events+"?contact=hubspot:1&"+query, "feed")
		if got := shape(s.lines(a)); got != want || !strings.HasSuffix(a.header.Get("Duolog-Through"), ":1:10") {
			s.t.Errorf("%s: %s through %s, want %s", query, got, a.header.Get("Duolog-Through"), want)
		}
		if next := a.trailer.Get("Duolog-Next"); !strings.HasSuffix(next, ":1:"+want[strings.LastIndex(want, "@")+1:len(want)-1]) {
			s.t.Errorf("%s: goes on from %q", query, next)
		}
	}
	a := s.do("GET", events+"?contact=hubspot:1&limit=2&type=record.*", http.Header{"Authorization": {"Bearer feed"}, "Accept": {"application/json"}}, nil)
	var page struct{ Next, Through, Head string }
	if err := json.Unmarshal([]byte(a.body), &page); err != nil || !strings.HasSuffix(page.Next, ":1:3") || !strings.HasSuffix(page.Through, ":1:10") ||
		!strings.HasSuffix(page.Head, ":1:12") {
		s.t.Errorf("a JSON page of a contact: %v %s", err, a.body)
	}
}

// TestBootstrapIsOfOneState: whatever happens between its pages, they show the contacts of one position, and what is not
// known so far is not passed off as it.
func TestBootstrapIsOfOneState(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store, func(c *httpapi.Config) { c.StateWait = time.Minute })
		ids := []ulid.ULID{newID(), newID(), newID(), newID()}
		born := func(i int) {
			record := fmt.Sprintf("hubspot/contact/%d", i)
			rec, _ := domain.ParseRecord(record)
			s.append(fact(record, "city", "Bern"))
			head, err := s.log.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s.decide(ids[i], head.Position, planner.LinkedUp, []planner.Link{{Record: rec, Contact: ids[i], State: planner.Linked, Reason: "new"}},
				verdict(planner.Agreed, record, head.Position, "d1"))
		}
		for _, i := range []int{0, 1, 3} {
			born(i)
		}
		project(t, store, s.log)
		type state struct {
			Contacts []contacts.Contact
			Next     string
			AsOf     string `json:"as_of"`
		}
		read := func(query string) (page state) {
			t.Helper()
			a := s.get(contactsAt+"?limit=1&"+query, "feed")
			if err := json.Unmarshal([]byte(a.body), &page); err != nil || a.status != 200 {
				t.Fatalf("%s: %d %s", query, a.status, a.body)
			}
			return page
		}
		first := read("as_of=head")
		born(2) // between the pages, and among those of the second
		s.append(fact("hubspot/contact/3", "city", "Genf"))
		project(t, store, s.log)
		var got []ulid.ULID
		for page := first; ; page = read("as_of=" + first.AsOf + "&after=" + page.Next) {
			for _, c := range page.Contacts {
				got = append(got, c.ID)
			}
			if page.AsOf != first.AsOf || !strings.HasSuffix(page.AsOf, ":1:6") {
				t.Fatalf("a page is of %s, the first of %s", page.AsOf, first.AsOf)
			}
			if page.Next == "" {
				break
			}
		}
		if want := []ulid.ULID{ids[0], ids[1], ids[3]}; !slices.Equal(got, want) {
			t.Errorf("pages show %v, want %v", got, want)
		}
		for _, query := range []string{"status=held", "reason=email"} {
			a := s.get(contactsAt+"?as_of=head&"+query, "feed")
			s.wantProblem(a, 400)
			s.want(a, 400, "whatever their status")
		}

		s.append(fact("hubspot/contact/1", "city", "Basel")) // 10, which the contacts do not know yet
		hasty := start(t, store, func(c *httpapi.Config) { c.StateWait = time.Millisecond })
		a := hasty.get(contactsAt+"?as_of=10", "feed")
		s.wantProblem(a, 503)
		s.want(a, 503, "known up to position 9 here, not yet up to 10")
		if a.header.Get("Retry-After") == "" {
			t.Error("it does not say when to ask again")
		}
		var projected sync.WaitGroup
		projected.Go(func() { project(t, store, s.log) })
		if page := read("as_of=10"); !strings.HasSuffix(page.AsOf, ":1:10") {
			t.Errorf("waited for, and of %s", page.AsOf)
		}
		projected.Wait()
		if a := s.get(contactsAt+"?as_of=10", "root"); !strings.Contains(a.body, "Basel") {
			t.Errorf("at 10 the contacts are %s", a.body)
		}
	})
}

// TestErasedPeopleArriveAsTombstones, in every view and form, also for those who may read everything.
func TestErasedPeopleArriveAsTombstones(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		contact := s.story()
		follow := s.follow(t, "after=0", "")
		if _, _, data := follow.next(); data == "" {
			t.Fatal("nothing is followed")
		}
		if a := s.get(events, "root"); !strings.Contains(a.body, "Bern") {
			t.Fatalf("before: %s", a.body)
		}
		err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
			_, err := tx.Exec(t.Context(), "UPDATE subject_key SET wrapped = NULL WHERE subject LIKE '%/contact/%'")
			if err == nil {
				_, err = tx.Exec(t.Context(), "UPDATE log_head SET key_epoch = key_epoch + 1")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		order := data(t, domain.Act{
			Reason: "asked", Contact: contact, Records: []domain.Record{{System: domain.HubSpot, ID: "1"}, {System: domain.Aloware, ID: "9"}},
		})
		s.append(eventstore.NewEvent{
			ID: newID(), Stream: domain.StreamPrivacy, Type: domain.SubjectErased, Schema: 1, Actor: "test",
			Subject: eventstore.SubjectLog, Data: order,
		})
		project(t, store, s.log)
		for _, query := range []string{"", "view=contacts", "type=record.*"} {
			a := s.get(events+"?"+query, "root")
			if a.status != 200 || strings.Contains(a.body, "Bern") || strings.Contains(a.body, "Basel") || !strings.Contains(a.body, `"erased":true`) {
				t.Errorf("%q after the erasure: %d %s", query, a.status, a.body)
			}
		}
		if got := shape(s.read("view=contacts&after=9", "feed")); got != "subject.erased@11 duolog.position@11 " {
			t.Errorf("the erasure itself: %s", got)
		}
		s.ordersDeletion(contact)
		again := s.follow(t, "after=0&type=record.*", "")
		again.next()
		if _, id, data := again.next(); !strings.HasSuffix(id, ":1:1") || !strings.Contains(data, `"erased":true`) {
			t.Errorf("followed again: %s %s", id, data)
		}
	})
}

// ordersDeletion: whatever a reader has narrowed its feed to, it is told that the contact was erased, at 11, unless it
// chose types without that.
func (s *service) ordersDeletion(contact ulid.ULID) {
	s.t.Helper()
	s.want(s.tell(consumers, "feed", `{"name":"shop","filter":{"fields":["phone"],"systems":["aloware"]}}`), 200, "")
	stored, _ := s.batch("member=a")
	if got := shape(stored); got != "subject.erased@11 " {
		s.t.Errorf("a stored filter: %s", got)
	}
	for _, query := range []string{
		"field=phone", "system=aloware", "system=hubspot", "system=aloware&field=phone", "type=subject.erased&field=phone",
		"view=contacts", "view=contacts&field=phone", "view=contacts&system=aloware", "view=contacts&type=subject.*&system=hubspot",
		"contact=" + contact.String(), "contact=" + contact.String() + "&field=phone&system=hubspot",
		"contact=" + contact.String() + "&view=contacts&field=phone",
	} {
		if got := shape(s.read("after=9&"+query, "feed")); got != "subject.erased@11 duolog.position@11 " {
			s.t.Errorf("%s: %s", query, got)
		}
	}
	for _, query := range []string{"type=record.*", "type=sync.resumed&field=phone", "view=contacts&type=contact.changed"} {
		if got := shape(s.read("after=9&"+query, "feed")); got != "duolog.position@11 " {
			s.t.Errorf("%s: %s", query, got)
		}
	}
}

// TestFollowersDoNotHoldUpAStop: a stream without an end ends when the service stops.
func TestFollowersDoNotHoldUpAStop(t *testing.T) {
	s := start(t, backends.SQLite(t))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- httpapi.Server{Handler: s.srv.Config.Handler, Logger: slog.New(slog.DiscardHandler), Grace: 20 * time.Second}.Serve(ctx, l)
	}()
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+l.Addr().String()+events, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer root")
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	began := time.Now()
	stop()
	if err := <-done; err != nil || time.Since(began) > 15*time.Second {
		t.Errorf("stopped after %s: %v", time.Since(began), err)
	}
}

// TestContractIsServed: what consumers may rely on can be had without a token.
func TestContractIsServed(t *testing.T) {
	s := start(t, backends.SQLite(t))
	for path, want := range map[string]string{
		"/asyncapi.json": `"asyncapi":"3.0.0"`, "/schemas": `"/schemas/contact.changed/1"`,
		"/schemas/record.updated/1": `"title": "record.updated, schema 1"`,
	} {
		if a := s.get(path, ""); a.status != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %.200s", path, a.status, a.body)
		}
	}
	for _, path := range []string{"/schemas/record.updated/2", "/schemas/nothing/1", "/schemas/record.updated/x"} {
		s.wantProblem(s.get(path, ""), 404)
	}
}
