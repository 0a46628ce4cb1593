// Command crash is the crash and fault campaign: it runs duolog between two sandboxes as real processes, makes traffic,
// kills, freezes or cuts off what it can, lets everything come to rest, and then proves from outside that nothing was
// lost and nothing doubled. What it compares is what the sandboxes hold and what it saw acknowledged, not what Duolog
// says of itself.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes, as everywhere in Duolog.
const (
	exitOK        = 0
	exitFailure   = 1
	exitUsage     = 2
	exitViolation = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, asJSON, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(stderr, "crash:", err)
		return exitUsage
	}
	o.Log = stderr
	r, err := Run(ctx, o)
	if err != nil {
		fmt.Fprintf(stderr, "crash: %v\n  seed %d, kept in %s\n", err, r.Seed, r.Kept)
		return exitFailure
	}
	if asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return exitFailure
		}
	} else {
		r.print(stdout)
	}
	if len(r.Violations) > 0 {
		fmt.Fprintf(stderr, "crash: %d violations, seed %d, kept in %s\n", len(r.Violations), r.Seed, r.Kept)
		return exitViolation
	}
	return exitOK
}

func parse(args []string, stderr io.Writer) (Options, bool, error) {
	o := Defaults()
	f := flag.NewFlagSet("crash", flag.ContinueOnError)
	f.SetOutput(stderr)
	asJSON := f.Bool("json", false, "print the result as JSON")
	f.StringVar(&o.Mode, "mode", o.Mode, "kill (serve), rival (two serves, one killed, frozen or cut off), postgres (stopped), network, disk")
	f.StringVar(&o.Database, "database", o.Database, "sqlite or postgres (DUOLOG_TEST_DATABASE_URL names the server)")
	f.IntVar(&o.Kills, "kills", o.Kills, "how often something is killed, frozen, stopped or spoilt")
	f.IntVar(&o.Contacts, "contacts", o.Contacts, "people to begin with")
	f.Float64Var(&o.Traffic, "traffic", o.Traffic, "changes a second, both sides together")
	f.Uint64Var(&o.Seed, "seed", 0, "of people, traffic and faults; 0: a random one")
	f.IntVar(&o.HubSpotRetries, "hubspot-retries", o.HubSpotRetries, "how often HubSpot delivers again")
	f.IntVar(&o.AlowareRetries, "aloware-retries", o.AlowareRetries, "the same of Aloware; below 100 a reconcile follows")
	f.Float64Var(&o.FailRate, "fail-rate", o.FailRate, "of API requests; and again as many once carried out")
	f.StringVar(&o.Folder, "folder", "", "disk: where the database lies, on a file system small enough to be filled")
	f.BoolVar(&o.Race, "race", false, "build duolog with the race detector")
	f.BoolVar(&o.Keep, "keep", false, "keep the folder when all is well, too")
	if err := f.Parse(args); err != nil {
		return o, false, err
	}
	if f.NArg() > 0 {
		return o, false, fmt.Errorf("unexpected %q", f.Arg(0))
	}
	return o, *asJSON, o.check()
}
