package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// WrongForm is a way to append that looks right.
type WrongForm struct {
	Wrap func(engine.Driver) engine.Driver
	// Fails are the tests of the suite that fail of it, each with what it then says.
	Fails map[string]string
}

// WrongForms are some, by what is wrong with them.
type WrongForms map[string]WrongForm

// usedForm names the environment variable that makes the suite run on a wrong form.
const usedForm = "DUOLOG_TEST_APPEND_FORM"

// Wrap is what goes around the driver: the wrong form that the suite is to run on, or what a test itself asks for.
func (f WrongForms) Wrap(o Options) func(engine.Driver) engine.Driver {
	if form, ok := f[os.Getenv(usedForm)]; ok {
		return form.Wrap
	}
	return o.Wrap
}

// Fail runs the suite, which TestConformance is, on each form: every test named must fail, and for the reason named. That
// it passes on the right form, TestConformance itself says.
func (f WrongForms) Fail(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, form := range f {
		for test, says := range form.Fails {
			t.Run(name+"/"+test, func(t *testing.T) {
				t.Parallel()
				cmd := exec.CommandContext(t.Context(), binary, "-test.run=^TestConformance$/"+test+"$")
				cmd.Env = append(os.Environ(), usedForm+"="+name)
				out, err := cmd.CombinedOutput()
				if err == nil || !regexp.MustCompile("(?s)"+says).Match(out) {
					t.Errorf("the suite says %v:\n%s", err, out)
				}
			})
		}
	}
}

// Final makes a key that is there the end of the whole batch, as it is for who appends by one statement and has no
// second way.
func Final(d engine.Driver) engine.Driver { return final{d} }

type final struct{ engine.Driver }

// errFinal has the engine answer all calls with it: another failure it would try again call by call.
var errFinal = fmt.Errorf("no second way: %w", context.DeadlineExceeded)

func (d final) Insert(ctx context.Context, q eventstore.Querier, b *engine.Batch) (base, at int64, err error) {
	if q == eventstore.Querier(d) {
		q = d.Driver
	}
	base, at, err = d.Driver.Insert(ctx, q, b)
	if err != nil && d.Driver.Classify(err) == engine.Unique {
		err = errors.Join(errFinal, err)
	}
	return base, at, err
}

func (d final) Classify(err error) engine.Class {
	if errors.Is(err, errFinal) {
		return engine.Other
	}
	return d.Driver.Classify(err)
}
