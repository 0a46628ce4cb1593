package httpapi

import (
	"errors"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

const logID = "01JDB3Q8ZK3MT2V5ABCDEFGHJK"

var head = eventstore.Head{LogID: ulid.MustParseStrict(logID), Generation: 2, Position: 41}

func TestCheckpointOnALog(t *testing.T) {
	tests := []struct {
		after  string
		want   int64
		bad    bool
		resume string
	}{
		{after: "", want: 0},
		{after: "0", want: 0},
		{after: "41", want: 41},
		{after: "2:41", want: 41},
		{after: "2:0", want: 0},
		{after: "42", resume: logID + ":2:41"},
		{after: "2:42", resume: logID + ":2:41"},
		{after: "9223372036854775807", resume: logID + ":2:41"},
		{after: "1:7", resume: logID + ":2:3"},
		{after: "3:7", resume: logID + ":2:0"},
		{after: "-1", bad: true},
		{after: "0:5", bad: true},
		{after: "+5", bad: true},
		{after: ":5", bad: true},
		{after: "5:", bad: true},
		{after: "1:2:3", bad: true},
		{after: "1:" + logID + ":2:3", bad: true},
		{after: logID + ":2:7", want: 7},
		{after: logID + ":1:7", resume: logID + ":2:3"},
		{after: "01JDB4Q8ZK3MT2V5ABCDEFGHJK:2:7", resume: logID + ":2:0"},
		{after: logID + ":2:42", resume: logID + ":2:41"},
		{after: "9223372036854775808", bad: true},
		{after: "１", bad: true},
		{after: "jane@example.com", bad: true},
	}
	for _, tt := range tests {
		at, err := parseCheckpoint(tt.after)
		if err != nil != tt.bad {
			t.Errorf("%q: error %v, want one: %v", tt.after, err, tt.bad)
		}
		if err != nil {
			continue
		}
		got, err := at.on(head, 3)
		var p *Problem
		if errors.As(err, &p) {
			if p.Status != 409 || p.ContinueAfter != tt.resume {
				t.Errorf("%q: %d, continue after %q, want %q", tt.after, p.Status, p.ContinueAfter, tt.resume)
			}
		} else if tt.resume != "" || got != tt.want {
			t.Errorf("%q: reads after %d, want %d or a conflict %q", tt.after, got, tt.want, tt.resume)
		}
	}
}

// FuzzCheckpoint: whatever a consumer sends, the answer is a position the log has or an error that says nothing back.
func FuzzCheckpoint(f *testing.F) {
	for _, s := range []string{"", "0", "41", "2:41", "1:1", "x", "2:-1", "99999999999999999999", "2:4 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := parseCheckpoint(s)
		if err == nil {
			var pos int64
			pos, err = at.on(head, 3)
			if err == nil && (pos < 0 || pos > head.Position) {
				t.Fatalf("%q reads after %d of %d", s, pos, head.Position)
			}
			if again, err := parseCheckpoint(at.String()); at.generation != 0 && (err != nil || again != at) {
				t.Fatalf("%q reads as %v, and that as %v: %v", s, at, again, err)
			}
		}
		if err != nil && len(s) > 4 && strings.Trim(s, "0123456789:") != "" && strings.Contains(err.Error(), s) {
			t.Fatalf("the error repeats %q", s)
		}
	})
}
