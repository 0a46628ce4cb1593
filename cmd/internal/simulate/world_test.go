package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	alowarebox "github.com/duolog/duolog/adapters/aloware/sandbox"
	hubspotbox "github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// secret signs both systems' webhooks.
const secret = "sandbox"

// tick is the time between two looks at what goes by itself: longer than HubSpot's sandbox waits for company for a
// webhook.
const tick = 25 * time.Millisecond

// world is two systems, a network, a database, and the processes of Duolog on it.
type world struct {
	t       *testing.T
	scene   scene
	path    string
	key     eventstore.MasterKey
	logger  *slog.Logger
	hubspot *hubspotbox.Sandbox
	aloware *alowarebox.Sandbox
	remotes map[domain.System]*remote
	nodes   []*node
	mail    []*letter // webhooks on their way
	old     []*letter // delivered ones, which may come again
	letters int

	mu    sync.Mutex
	epoch int64 // the highest anybody owned the connection under

	// proving: people are erased in between, and what the log leads to is judged, not what the systems hold.
	proving bool
	desk    *app.App
	erased  int

	*ledger
	*account
	rules
	episode
	story
	failed *violation
}

// violation is what a run must not do. The first one ends it.
type violation struct {
	rule string
	text string
}

func (v *violation) String() string { return v.rule + ": " + v.text }

// stop unwinds a run from its first violation.
type stop struct{}

// fail ends the run: something that must hold does not.
func (w *world) fail(rule, format string, args ...any) {
	if w.failed == nil {
		w.failed = &violation{rule, fmt.Sprintf(format, args...)}
		w.note("VIOLATION %s", w.failed)
	}
	panic(stop{})
}

// blame is fail for a goroutine that is not the driver's: the run ends with the move.
func (w *world) blame(rule, format string, args ...any) {
	if w.failed == nil {
		w.failed = &violation{rule, fmt.Sprintf(format, args...)}
		w.note("VIOLATION %s", w.failed)
	}
}

func (w *world) must(err error) {
	if err != nil {
		w.fail("harness", "%v", err)
	}
}

// run plays a scene in the bubble of t and returns what it did that it must not, nil for nothing.
func play(t *testing.T, s scene, dir string, tell bool) (v *violation, told string) {
	w := &world{
		t: t, scene: s, proving: s.proving, path: filepath.Join(dir, "duolog.db"), key: template.key, logger: discard,
		ledger: newLedger(), account: newAccount(), story: story{tell: tell},
		rules:   rules{policy: s.settings, modeNow: domain.ModeLive, everBad: map[domain.Record]bool{}},
		episode: episode{taint: map[domain.Record]bool{}},
	}
	w.open()
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(stop); !ok {
				w.blame("panic", "%v\n%s", p, debug.Stack())
			}
		}
		w.close()
		v, told = w.failed, w.String()
	}()
	w.must(os.WriteFile(w.path, template.file, 0o600))
	w.begin()
	for _, st := range s.steps {
		w.step(st)
	}
	w.note("the end: everything may come to rest")
	w.settle()
	return nil, ""
}

func (w *world) open() {
	post := &http.Client{Transport: postman{w}}
	w.hubspot = hubspotbox.New(hubspotbox.Config{
		ClientSecret: secret, SearchRate: -1, Client: post, WebhooksTo: "http://duolog.test/webhooks/hubspot/default",
		Faults: sandboxkit.Faults{RateLimit: -1},
	})
	w.aloware = alowarebox.New(alowarebox.Config{
		WebhookToken: secret, Client: post, WebhooksTo: "http://duolog.test/webhooks/aloware/default",
	})
	w.remotes = map[domain.System]*remote{
		domain.HubSpot: {system: domain.HubSpot, handler: w.hubspot, inject: w.hubspot.Injector()},
		domain.Aloware: {system: domain.Aloware, handler: w.aloware, inject: w.aloware.Injector()},
	}
}

// close ends what is left of the run, well or not: nothing may remain in the bubble.
func (w *world) close() {
	for _, n := range w.nodes {
		n.end()
		_ = n.store.Close()
	}
	if w.desk != nil {
		_ = w.desk.Close()
	}
	w.hubspot.Close()
	w.aloware.Close()
}

// begin brings the first process up under the scene's settings.
func (w *world) begin() {
	time.Sleep(time.Hour)
	n := w.boot()
	_, err := n.app.ApplySettings(context.Background(), w.scene.settings.Settings(), 0, by)
	w.must(err)
	w.grown()
	w.settle()
}

// sleep lets time pass, and what waits for it happen.
func (w *world) sleep(d time.Duration) {
	time.Sleep(d)
	w.rest()
	for _, n := range w.nodes {
		if o := n.ownership(); o != nil && d >= 250*time.Millisecond {
			o.due, o.chores = [2]bool{true, true}, true
		}
	}
}

// grown notes that the log may hold something new to plan.
func (w *world) grown() {
	for _, n := range w.nodes {
		w.mu.Lock()
		if n.own != nil {
			n.own.behind = true
		}
		w.mu.Unlock()
	}
}

// story is what happened, told when it is asked for.
type story struct {
	tell bool
	sync sync.Mutex
	text strings.Builder
}

func (s *story) note(format string, args ...any) {
	if !s.tell {
		return
	}
	s.sync.Lock()
	defer s.sync.Unlock()
	fmt.Fprintf(&s.text, "%s  ", time.Now().UTC().Format("15:04:05.000"))
	fmt.Fprintf(&s.text, format+"\n", args...)
}

func (s *story) String() string { return s.text.String() }

func rng(seed uint64, more uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, more)) }
