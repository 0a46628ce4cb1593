package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/eventstore"
)

// Exit codes, the same for every command.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitPerson  = 3 // the check found differences, or a person is needed
)

// errPerson ends a command with exit code 3; what there is to say was printed already.
var errPerson = errors.New("a person is needed")

// usageError is a mistake in how the program was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// hinted is an error with what to do about it.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

func hint(err error, format string, args ...any) error {
	return hinted{err, fmt.Sprintf(format, args...)}
}

// failed is what of an error is a failure, and not only the word that a person is needed.
func failed(err error) error {
	if !errors.Is(err, errPerson) {
		return err
	}
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return nil
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, failed(one))
	}
	return errors.Join(all...)
}

// each does something about one after the other. It goes on where a person is needed, and ends at what fails.
func each[T any](all []T, do func(T) error) (err error) {
	for _, one := range all {
		now := do(one)
		if err = errors.Join(err, now); failed(now) != nil {
			break
		}
	}
	return err
}

// report prints what happened and what to do, and returns the exit code.
func (c *cli) report(err error) int {
	person := errors.Is(err, errPerson)
	err = failed(err)
	switch {
	case err == nil && person:
		return exitPerson
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		_, _ = fmt.Fprintln(c.err, "duolog: interrupted")
		return exitFailure
	}
	for i, line := range strings.Split("duolog: "+err.Error(), "\n") {
		_, _ = fmt.Fprintln(c.err, fitted(line, "  ", i > 0))
	}
	if h := hintOf(err); h != "" {
		_, _ = fmt.Fprintln(c.err, fitted("  hint: "+h, "        ", false))
	}
	var misuse usageError
	if errors.As(err, &misuse) || errors.Is(err, app.ErrConfig) || errors.Is(err, httpapi.ErrBadInput) {
		return exitUsage
	}
	return exitFailure
}

// unreached says of what stands between this process and both systems that this process needs them, too.
func unreached(err error) error {
	switch {
	case errors.Is(err, app.ErrConfig):
		return hint(err, "set the variables duolog serve runs with in this shell as well; duolog serve --help lists them")
	case errors.Is(err, app.ErrRefused):
		return hint(err, "the pretend CRMs live in the demo's process: this works with duolog serve and duolog sandbox")
	}
	return err
}

// fitted breaks a line that is too wide between words; what follows stands under rest. An untouched one keeps its blanks.
func fitted(line, rest string, keep bool) string {
	if runewidth.StringWidth(line) <= lineWidth || keep && strings.HasPrefix(line, "\t") {
		return line
	}
	lead := line[:len(line)-len(strings.TrimLeft(line, " "))]
	return lead + strings.Join(wrap(line, lineWidth-max(len(lead), len(rest))), "\n"+rest)
}

// hints say what to do about errors that may come from anywhere.
var hints = []struct {
	err  error
	hint string
}{
	{app.ErrConfig, "duolog serve --help lists the configuration"},
	{eventstore.ErrSchema, "duolog migrate status shows the schema, duolog migrate up brings it up to date"},
	{eventstore.ErrClosed, "name that database with --database-url; over HTTP, ask the service that serves it"},
	{eventstore.ErrMasterKey, "DUOLOG_MASTER_KEY_FILE must name the key this log was made with"},
	{eventstore.ErrDisk, "make room on the disk of the database, or see whether it may be written; nothing was lost"},
	{eventstore.ErrRights, "as the owner of the tables, duolog migrate up --runtime-role ROLE brings them up to date and gives ROLE what serving needs"},
	{eventstore.ErrUnavailable, "is the database running, and is DUOLOG_DATABASE_URL right? duolog doctor checks"},
	{eventstore.ErrErased, "this person was erased: the values cannot be read again"},
}

func hintOf(err error) string {
	var h hinted
	if errors.As(err, &h) {
		return h.hint
	}
	var unknown *app.UnknownConnectionError
	if errors.As(err, &unknown) {
		return "name one that is there with --connection; duolog serve --connection " + unknown.Name + " makes it"
	}
	for _, known := range hints {
		if errors.Is(err, known.err) {
			return known.hint
		}
	}
	return ""
}
