package simulate

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

var (
	seeds = flag.Int("seeds", 6, "how many seeds to play")
	from  = flag.Uint64("first", 1, "the first of them")
	small = flag.Bool("shrink", true, "shrink the first seed that fails")
	seed  = flag.Uint64("seed", 0, "play this seed only, and tell its story")
)

// template is a database without a connection, copied for each scene.
var template struct {
	key  eventstore.MasterKey
	file []byte
}

var env settings.Env

func TestMain(m *testing.M) {
	flag.Parse()
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare() error {
	s, err := settings.Preset(settings.PresetDefault)
	if err != nil {
		return err
	}
	env = s.Env()
	template.key = eventstore.NewMasterKey()
	template.file, err = backends.MigratedFile()
	return err
}

// TestSeeds plays seeds, side by side. The first that fails is shrunk and told.
func TestSeeds(t *testing.T) {
	if *seed != 0 {
		one(t, draw(*seed))
		return
	}
	var next atomic.Uint64
	next.Store(*from)
	var first sync.Once // the others would only take time
	for i := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			for s := next.Add(1) - 1; s < *from+uint64(*seeds); s = next.Add(1) - 1 {
				v, _ := bubble(t, draw(s), dir, false)
				if v == nil {
					continue
				}
				t.Errorf("seed %d: %s\nmake simulate SEED=%d tells its story", s, v, s)
				if !*small {
					continue
				}
				first.Do(func() {
					least := shrink(draw(s), v.rule, func(c scene) *violation { v, _ := bubble(t, c, dir, false); return v })
					t.Logf("shrunk: %s", least)
				})
			}
		})
	}
}

// TestSameSeedSameRun: a seed gives one story, to the letter, also under other keys.
func TestSameSeedSameRun(t *testing.T) {
	dir := folder(t)
	for s := *from; s < *from+5; s++ {
		_, once := bubble(t, draw(s), dir, true)
		_, again := bubble(t, draw(s), dir, true)
		if once != again {
			a, b := strings.Split(once, "\n"), strings.Split(again, "\n")
			i := 0
			for i < min(len(a), len(b)) && a[i] == b[i] {
				i++
			}
			t.Fatalf("seed %d: after line %d\n%s\nonce\n%s\nagain\n%s", s, i, strings.Join(a[max(0, i-5):i], "\n"),
				strings.Join(a[i:min(i+5, len(a))], "\n"), strings.Join(b[i:min(i+5, len(b))], "\n"))
		}
	}
}

// folder is where databases lie: in memory where there is such a place, since nothing here is to outlast the test.
func folder(t *testing.T) string {
	if dir, err := os.MkdirTemp("/dev/shm", "duolog-simulate"); err == nil { //nolint:usetesting // t.TempDir is on a disk
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		return dir
	}
	return t.TempDir()
}

func bubble(t *testing.T, s scene, dir string, tell bool) (v *violation, told string) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(dir + "/duolog.db" + suffix)
	}
	synctest.Test(t, func(t *testing.T) { v, told = play(t, s, dir, tell) })
	return v, told
}

func one(t *testing.T, s scene) {
	dir := folder(t)
	v, told := bubble(t, s, dir, true)
	if v != nil {
		if *small {
			s = shrink(s, v.rule, func(c scene) *violation { v, _ := bubble(t, c, dir, false); return v })
			v, told = bubble(t, s, dir, true)
		}
		t.Errorf("seed %d: %s", s.seed, v)
	}
	t.Log(s.String() + "\n" + told)
}
