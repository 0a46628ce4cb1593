package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

const consumers = "/v1/connections/default/consumers"

func (s *service) tell(path, token, body string) answer {
	s.t.Helper()
	return s.do("POST", path, http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}}, []byte(body))
}

// batch asks as a member.
func (s *service) batch(query string) (all []wire, ack string) {
	s.t.Helper()
	a := s.get(consumers+"/shop/events?"+query, "feed")
	if a.status != 200 {
		s.t.Fatalf("%s: %d %s", query, a.status, a.body)
	}
	for line := range strings.Lines(a.body) {
		var w wire
		if err := json.Unmarshal([]byte(line), &w); err != nil {
			s.t.Fatalf("%v: %s", err, line)
		}
		all = append(all, w)
	}
	return all, a.header.Get("Duolog-Ack")
}

func (s *service) want(a answer, status int, says string) {
	s.t.Helper()
	if a.status != status || !strings.Contains(a.body, says) {
		s.t.Errorf("answered %d %s, want %d with %q", a.status, a.body, status, says)
	}
}

func TestConsumersOverHTTP(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		s.fill(20)
		s.append(act(domain.SyncPaused))
		s.want(s.tell(consumers, "feed", `{"name":"shop","filter":{"types":["record.*"]},"lease_seconds":60}`), 200, `"lag":21`)
		s.want(s.get(consumers, "feed"), 200, `"name":"shop"`)

		all, ack := s.batch("member=a&limit=15")
		if len(all) != 15 || all[0].Sequence != "1" || all[0].Fields != "ids" {
			t.Fatalf("first batch: %s", shape(all))
		}
		if again, _ := s.batch("member=a&limit=15"); shape(again) != shape(all) {
			t.Errorf("what was not acknowledged: %s, want it again", shape(again))
		}
		body := func(member, ack string, position int) string {
			return fmt.Sprintf(`{"member":%q,"ack":%q,"position":%d}`, member, ack, position)
		}
		s.want(s.tell(consumers+"/shop/ack", "feed", body("a", ack, 10)), 200, `"partitions":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]`)
		s.wantProblem(s.tell(consumers+"/shop/ack", "feed", body("b", ack, 0)), 409)
		s.wantProblem(s.tell(consumers+"/shop/ack", "feed", body("a", "bogus", 0)), 400)
		s.want(s.tell(consumers+"/shop/park", "feed", `{"position":12,"reason":"no such column"}`), 200, `"parked":1`)
		all, ack = s.batch("member=a")
		if len(all) != 9 || all[0].Sequence != "11" || all[1].Sequence != "13" {
			t.Errorf("after an acknowledgement up to 10 with 12 parked: %s", shape(all))
		}
		s.want(s.tell(consumers+"/shop/ack", "feed", body("a", ack, 0)), 200, "lease_seconds")
		s.want(s.get(consumers+"/shop", "feed"), 200, `"position":21`)
		s.want(s.tell(consumers+"/shop/retry", "feed", `{"position":12}`), 200, `"retried":1`)
		a := s.get(consumers+"/shop/events?member=a", "feed")
		s.want(a, 200, `"again":true}`)
		s.want(s.tell(consumers+"/shop/ack", "feed", body("a", a.header.Get("Duolog-Ack"), 0)), 200, "")
		s.want(s.get(consumers+"/shop/parked", "feed"), 200, `{"parked":[]}`)

		s.append(fact("hubspot/contact/1", "city", "Bern"), fact("hubspot/contact/2", "city", "Bern")) // 22, 23
		_, ack = s.batch("member=a")
		if other, _ := s.batch("member=b"); len(other) != 0 {
			t.Errorf("a second member gets %s while the first holds everything", shape(other))
		}
		const whole = `"partitions":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]`
		s.want(s.tell(consumers+"/shop/renew", "feed", body("a", ack, 0)), 200, whole) // while it handles a batch, nothing goes
		s.want(s.tell(consumers+"/shop/renew", "feed", `{"member":"a"}`), 200, whole)
		s.want(s.tell(consumers+"/shop/ack", "feed", body("a", ack, 22)), 200, whole)
		s.want(s.tell(consumers+"/shop/ack", "feed", body("a", ack, 0)), 200, whole)
		s.batch("member=a") // only now it has nothing under way
		s.want(s.tell(consumers+"/shop/renew", "feed", `{"member":"a"}`), 200, `"partitions":[8,9,10,11,12,13,14,15]`)
		a = s.tell(consumers+"/shop/renew", "feed", body("a", ack, 0))
		s.wantProblem(a, 409)
		s.want(a, 409, "another member")
		s.want(s.tell(consumers+"/shop/leave", "feed", body("a", "", 0)), 200, `"partitions":[]`)
		s.want(s.tell(consumers+"/shop/renew", "feed", body("b", "", 0)), 200, `"partitions":[]`)
		s.batch("member=b")
		s.want(s.tell(consumers+"/shop/renew", "feed", body("b", "", 0)), 200, whole)
		s.want(s.tell(consumers+"/shop/reset", "feed", `{"after":"1:18"}`), 200, `"position":18`)
		page := s.do("GET", consumers+"/shop/events?member=b", http.Header{"Authorization": {"Bearer feed"}, "Accept": {"application/json"}}, nil)
		var one struct {
			Events []wire
			Ack    string
		}
		if err := json.Unmarshal([]byte(page.body), &one); err != nil || shape(one.Events) != "record.updated@19 record.updated@20 record.updated@22 record.updated@23 " || one.Ack == "" {
			t.Errorf("as JSON: %v %s", err, page.body)
		}
		s.restored(store, 15)
		for _, a := range []answer{
			s.get(consumers+"/shop/events?member=b", "feed"), s.tell(consumers+"/shop/renew", "feed", `{"member":"b"}`),
			s.tell(consumers+"/shop/ack", "feed", body("b", one.Ack, 0)),
		} {
			s.wantProblem(a, 409)
			s.want(a, 409, `:2:15"`)
			s.want(a, 409, "POST …/reset with continue_after")
		}
		s.want(s.tell(consumers+"/shop/reset", "feed", `{"after":"2:15"}`), 200, `"generation":2`)
		if all, _ := s.batch("member=b"); len(all) == 0 || all[0].Sequence != "16" {
			t.Errorf("after the reset: %s", shape(all))
		}
		s.want(s.tell(consumers+"/shop/delete", "feed", ""), 204, "")
		s.want(s.get(consumers, "feed"), 200, `{"consumers":[]}`)
	})
}

// TestConsumersOfOthers: a token moves the consumers it made or was granted, an operator all of them, and everybody may look.
func TestConsumersOfOthers(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		s.fill(3)
		s.want(s.tell(consumers, "feed", `{"name":"shop"}`), 200, `"tokens":["shop"]`)
		_, ack := s.batch("member=a")
		moves := []struct{ path, body string }{
			{"/ack", fmt.Sprintf(`{"member":"a","ack":%q}`, ack)},
			{"/renew", `{"member":"b"}`},
			{"/leave", `{"member":"a"}`},
			{"/park", `{"position":2}`},
			{"/retry", `{"position":2}`},
			{"/drop", `{"position":2}`},
			{"/reset", `{"after":"head"}`},
			{"/delete", ``},
		}
		refused := func(token string) {
			t.Helper()
			for _, m := range moves {
				a := s.tell(consumers+"/shop"+m.path, token, m.body)
				s.wantProblem(a, 403)
				s.want(a, 403, `grant {\"token\":\"till\"}`)
			}
			s.wantProblem(s.get(consumers+"/shop/events?member=b", token), 403)
		}
		refused("other")
		s.want(s.get(consumers+"/shop", "other"), 200, `"position":0`)
		s.want(s.tell(consumers+"/shop/grant", "feed", `{"token":"till"}`), 403, "consumers.manage; it takes one of operator, admin")
		s.want(s.tell(consumers+"/nobody/grant", "ops", `{"token":"till"}`), 404, "no such consumer")
		s.want(s.tell(consumers+"/nobody/renew", "other", `{"member":"b"}`), 404, "no such consumer")
		s.want(s.tell(consumers+"/shop/grant", "ops", `{"token":"till"}`), 200, `"tokens":["shop","till"]`)
		s.want(s.tell(consumers+"/shop/grant", "ops", `{"token":"till"}`), 200, `"tokens":["shop","till"]`)
		s.want(s.tell(consumers+"/shop"+moves[0].path, "other", moves[0].body), 200, "lease_seconds")
		s.want(s.tell(consumers+"/shop/withdraw", "ops", `{"token":"till"}`), 200, `"tokens":["shop"]`)
		s.want(s.tell(consumers+"/shop/withdraw", "ops", `{"token":"till"}`), 404, "not let in")
		refused("other")
		s.want(s.tell(consumers+"/shop/reset", "ops", `{"after":"1:2"}`), 200, `"position":2`)
		s.want(s.tell(consumers+"/shop/delete", "ops", ""), 204, "")
		s.want(s.tell(consumers, "other", `{"name":"shop"}`), 200, `"tokens":["till"]`) // nothing is left of who was let in
	})
}

func TestConsumersRefuse(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		s.fill(3)
		s.want(s.tell(consumers, "feed", `{"name":"shop"}`), 200, "")
		for _, tt := range []struct {
			method, path, body string
			status             int
			says               string
		}{
			{"GET", "/nobody", "", 404, "POST …/consumers makes one"},
			{"GET", "/nobody/events?member=a", "", 404, "no such consumer"},
			{"GET", "/shop/events", "", 400, "member"},
			{"GET", "/shop/events?member=a&types=x", "", 400, "there are member, limit, wait"},
			{"POST", "", `{"name":"shop"}`, 409, "there is a consumer"},
			{"POST", "", `{"name":"Shop!"}`, 400, "lower-case"},
			{"POST", "", `{"name":"x","after":"1:99"}`, 409, ":1:3"},
			{"POST", "", `{"name":"x","filter":{"types":["sale"]}}`, 400, "record.updated"},
			{"POST", "", `{"name":"x","lease_seconds":9999}`, 400, "600"},
			{"POST", "/shop/reset", `{"after":"7:1"}`, 409, "generation 1"},
			{"POST", "/shop/reset", `{"after":"99"}`, 409, ":1:3"},
			{"POST", "/shop/reset", `{"after":"soon"}`, 400, "head"},
			{"POST", "/shop/park", `{"position":99}`, 409, "past the end"},
			{"POST", "/shop/retry", `{"position":2}`, 404, "not parked"},
		} {
			a := s.do(tt.method, consumers+tt.path, http.Header{"Authorization": {"Bearer feed"}, "Content-Type": {"application/json"}}, []byte(tt.body))
			s.wantProblem(a, tt.status)
			if !strings.Contains(a.body, tt.says) {
				t.Errorf("%s %s %s says %s, want %q", tt.method, tt.path, tt.body, a.body, tt.says)
			}
		}
	})
	if httpapi.Auditor.May(httpapi.Consume) {
		t.Error("an auditor moves checkpoints")
	}
}
