package httpapi_test

import (
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// FuzzBodies: whatever is posted, it is done or is a bad request, and nothing of a request that cannot be read comes
// back.
func FuzzBodies(f *testing.F) {
	command := "commands/" + ulid.Make().String()
	paths := []string{"contacts/find", "mode", "pause", "resume", command + "/retry", command + "/discard"}
	for i := range paths {
		for _, body := range []string{
			`{"text":"+1 (818) 212-4567"}`, `{"mode":"pilot","filter":"city = Oakland","max_writes":50,"reason":"go"}`,
			`{"reason":"CHG-2214"}`, `{"reason":"\u0000"}`, `{"text":"hubspot:\u0000"}`, `{"mode":7}`, `[]`, `null`, `"x"`, `{`, "\xff",
		} {
			f.Add(uint8(i), body)
		}
	}
	s := start(f, backends.SQLite(f))
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		s := &service{t: t, log: s.log, srv: s.srv}
		a := s.post(paths[int(which)%len(paths)], body)
		switch a.status {
		case 200, 202:
		case 400, 404, 409, 413:
			s.wantProblem(a, a.status)
			if len(body) > 40 && strings.Contains(a.body, body) {
				t.Fatalf("%q comes back: %s", body, a.body)
			}
		default:
			t.Fatalf("%s %q: %d %s", paths[int(which)%len(paths)], body, a.status, a.body)
		}
	})
}
