package bench

import (
	"encoding/gob"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFollowersHearOfEverything in its order, however it is cut, and tell of what is missing.
func TestFollowersHearOfEverything(t *testing.T) {
	for name, c := range map[string]struct {
		sent []int
		want string // the error
	}{
		"all of it": {sent: []int{8, 9, 10}},
		"a gap":     {sent: []int{8, 10}, want: "heard of 10, want 9"},
		"twice":     {sent: []int{8, 8}, want: "heard of 8, want 9"},
		"cut short": {sent: []int{8, 9}, want: io.ErrUnexpectedEOF.Error()},
		"nothing":   {want: io.ErrUnexpectedEOF.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now().UnixNano()
			const followers = 5
			heard, got := hearOf(t, followers, c.sent)
			if got != c.want {
				t.Fatalf("error %q, want %q", got, c.want)
			}
			if c.want == "" && len(heard) != followers {
				t.Fatalf("%d followers heard of it, want %d", len(heard), followers)
			}
			for _, times := range heard {
				if len(times) != 3 || times[0] < began || times[1] < times[0] || times[2] < times[1] || times[2] > time.Now().UnixNano() {
					t.Errorf("heard at %v, begun at %d", times, began)
				}
			}
		})
	}
}

// hearOf sends positions to followers after the seventh when all of them listen, and returns what the program reports.
func hearOf(t *testing.T, many int, sent []int) (heard [][]int64, failed string) {
	t.Helper()
	begin := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("after") != "7" || r.Header.Get("Accept") != "text/event-stream" {
			t.Errorf("asked for %s as %s", r.URL, r.Header.Get("Accept"))
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		cut(conn, "HTTP/1.1 200 OK\r\n\r\nretry: 1000\nevent: position\nid: 01J:1:7\ndata: {}\n\n")
		<-begin
		var text strings.Builder
		for _, position := range sent {
			fmt.Fprintf(&text, "id: 01J:1:%d\ndata: {\"id\": \"id: 4\"}\n\n", position)
		}
		cut(conn, text.String())
	}))
	t.Cleanup(srv.Close)
	in, ask := io.Pipe()
	tell, out := io.Pipe()
	go func() { _ = out.CloseWithError(Listen(t.Context(), in, out)) }()
	if err := gob.NewEncoder(ask).Encode(request{Feed: srv.URL + "/feed", Followers: many, After: 7, Last: 10}); err != nil {
		t.Fatal(err)
	}
	f := &followers{out: gob.NewDecoder(tell)}
	if _, err := f.hear(); err != nil {
		t.Fatal(err)
	}
	close(begin)
	heard, err := f.hear()
	if err != nil {
		failed = err.Error()
	}
	return heard, failed
}

// cut writes a text in pieces.
func cut(w io.Writer, text string) {
	for part := range slices.Chunk([]byte(text), 5) {
		_, _ = w.Write(part)
	}
}
