package hubspot

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters"
)

// TestReadUntold: an id a batch read neither answers nor calls missing is asked for alone: its survivor may not list
// it.
func TestReadUntold(t *testing.T) {
	c, s := scripted(t, Config{}, nil)
	s.do = func(w http.ResponseWriter, path string, _ []byte) {
		switch {
		case strings.HasSuffix(path, "/batch/read"):
			answer(w, 207, `{"results":[{"id":"900","properties":{}}],"errors":[`+
				`{"category":"OBJECT_NOT_FOUND","context":{"ids":["3"]}}]}`)
		case strings.HasSuffix(path, "/1"):
			answer(w, 200, `{"id":"900","properties":{"city":"Rome"}}`)
		case strings.Contains(path, "/properties/"):
			answer(w, 200, `{"results":[{"name":"city"},{"name":"email"},{"name":"phone"}]}`)
		default:
			answer(w, 404, "{}")
		}
	}
	got := c.Read(t.Context(), []adapters.ReadRequest{
		{By: "id", Value: "1"}, {By: "id", Value: "2"}, {By: "id", Value: "3"},
	})
	if len(got[0].Records) != 1 || got[0].Records[0].Record != record("900") ||
		len(got[0].Records[0].Aliases) != 1 || got[0].Records[0].Aliases[0] != record("1") {
		t.Errorf("merged without a trace: %+v", got[0])
	}
	if lacks := got[0].Records[0].Lacks; !slices.Contains(lacks, "mobilephone") || slices.Contains(lacks, "email") {
		t.Errorf("lacks %v, want what HubSpot does not list of what it left out", lacks)
	}
	if len(got[1].Records)+len(got[2].Records) != 0 || got[1].Err != nil || got[2].Err != nil {
		t.Errorf("missing: %+v, %+v", got[1], got[2])
	}
	if s.count("/2") != 1 || s.count("/3") != 0 {
		t.Errorf("requests: %v", s.paths)
	}
}

// TestReadFailedPart: a row that failed at HubSpot's must not pass for absent.
func TestReadFailedPart(t *testing.T) {
	c, _ := scripted(t, Config{}, func(w http.ResponseWriter, _ string, _ []byte) {
		answer(w, 207, `{"results":[],"errors":[{"category":"INTERNAL_ERROR","context":{"ids":["1"]}}]}`)
	})
	for _, by := range []string{"id", "email"} {
		if got := c.Read(t.Context(), []adapters.ReadRequest{{By: by, Value: "1"}}); got[0].Err == nil {
			t.Errorf("by %s: %+v", by, got[0])
		}
	}
}

// TestReadFailedSearch: a search that fails costs only the values it was for.
func TestReadFailedSearch(t *testing.T) {
	c, s := scripted(t, Config{}, nil)
	s.do = func(w http.ResponseWriter, path string, body []byte) {
		if strings.HasSuffix(path, "/search") && strings.Contains(string(body), "4155550100") {
			answer(w, 500, "{}")
			return
		}
		answer(w, 200, `{"results":[]}`)
	}
	var reqs []adapters.ReadRequest
	for i := range phonesPerQuery + 4 {
		reqs = append(reqs, adapters.ReadRequest{By: "phone", Value: fmt.Sprintf("+1415555%04d", 100+i)})
	}
	failed := 0
	for _, a := range c.Read(t.Context(), reqs) {
		if a.Err != nil {
			failed++
		}
	}
	if failed != phonesPerQuery || s.count("/search") != 2 {
		t.Errorf("%d look-ups failed, %d searches", failed, s.count("/search"))
	}
}

// TestSearchBodyFits: the longest search stays below HubSpot's limit.
func TestSearchBodyFits(t *testing.T) {
	c, s := scripted(t, Config{}, nil)
	longest := 0
	s.do = func(w http.ResponseWriter, _ string, body []byte) {
		longest = max(longest, len(body))
		answer(w, 200, `{"results":[]}`)
	}
	var reqs []adapters.ReadRequest
	for i := range 100 {
		reqs = append(reqs,
			adapters.ReadRequest{By: "phone", Value: fmt.Sprintf("+1415555%04d", 100+i)},
		)
	}
	c.Read(t.Context(), reqs)
	if longest == 0 || longest > 3000 {
		t.Errorf("a search of %d characters", longest)
	}
}
