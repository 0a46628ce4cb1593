package httpapi

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// Acts appends what a person does; the owner of the connection executes it. ErrNotFound and ErrConflict say what
// stands against it.
type Acts interface {
	SetMode(ctx context.Context, m ModeChange, by By) (Done, error)
	Pause(ctx context.Context, by By) (Done, error)
	Resume(ctx context.Context, by By) (Done, error)
	Retry(ctx context.Context, command ulid.ULID, by By) (Done, error)
	Discard(ctx context.Context, command ulid.ULID, by By) (Done, error)
	Decide(ctx context.Context, v Verdict, by By) (Done, error)
}

// By is who does an act and why.
type By struct {
	Actor  string
	Reason string
}

// ModeChange says what the planner may do from now on.
type ModeChange struct {
	Mode      domain.Mode
	Filter    string // pilot: who takes part
	MaxWrites int    // pilot: at most so many writes an hour
}

// Done tells where an act lies in the log.
type Done struct {
	Position int64  `json:"position"`
	ID       string `json:"id"`
}

// Status is one screen about a connection.
type Status struct {
	Connection string                  `json:"connection"`
	Mode       string                  `json:"mode"`
	Paused     bool                    `json:"paused"`
	Gate       string                  `json:"gate,omitempty" doc:"Why the sync is shut, empty while open"`
	Checked    *time.Time              `json:"gate_checked,omitempty" doc:"When the mapping was held against both systems last"`
	Shut       []Shut                  `json:"shut,omitempty" doc:"What does not fit the two systems, and how to mend it"`
	Guard      *Guarded                `json:"guard,omitempty" doc:"The guard that paused the sync, until somebody resumes"`
	LogID      string                  `json:"log_id"`
	Generation int64                   `json:"generation"`
	Head       int64                   `json:"head"`
	Systems    map[string]SystemStatus `json:"systems"`
	Contacts   map[string]int64        `json:"contacts" doc:"Counts by status"`
	Lag        map[string]int64        `json:"lag" doc:"Events not yet folded, by projection"`
	Needs      []string                `json:"needs,omitempty" doc:"What needs a person, most harmful first"`
}

// Guarded is the guard that paused the sync and what it counted.
type Guarded struct {
	Guard    string `json:"guard" doc:"The key of its setting"`
	System   string `json:"system,omitempty"`
	Counted  int64  `json:"counted" doc:"Contacts within an hour; of a system that looks empty, records found"`
	Limit    int64  `json:"limit,omitempty" doc:"How many pass"`
	Of       int64  `json:"of" doc:"All contacts; of a system that looks empty, records known"`
	Position int64  `json:"position" doc:"Of the pause"`
	Says     string `json:"says"`
	Next     string `json:"next" doc:"How to go on"`
}

// Shut is something that does not fit, and what that switches off.
type Shut struct {
	Shuts  string `json:"shuts" doc:"The field that is not synced, or sync for the whole"`
	Field  string `json:"field" doc:"Its place in the settings"`
	Found  string `json:"found"`
	Wanted string `json:"wanted"`
	Fix    string `json:"fix,omitempty"`
}

// SystemStatus is one side of it.
type SystemStatus struct {
	Account     string     `json:"account,omitempty"`
	Credential  string     `json:"credential,omitempty" doc:"works, or what is wrong"`
	Used        *time.Time `json:"credential_used,omitempty" doc:"When the system last answered to it, as far as the log shows"`
	LastWebhook *time.Time `json:"last_webhook,omitempty"`
	LastSweep   *Swept     `json:"last_sweep,omitempty" doc:"What was found of what webhooks missed"`
	Waiting     int64      `json:"waiting"`
	Oldest      *time.Time `json:"oldest_waiting,omitempty" doc:"Since when the first of them waits"`
	Failing     int64      `json:"failing"`
	Dead        int64      `json:"dead"`
	// Budget is how much of the system's request limits was used when it told last.
	Budget *adapters.Usage `json:"budget,omitempty"`
}

// CredentialWorks says that nothing is known against a credential.
const CredentialWorks = "works"

// Swept is what the last sweep of a system found.
type Swept struct {
	At     time.Time `json:"at"`
	Looked int64     `json:"looked" doc:"Records looked at"`
	Drift  int64     `json:"drift" doc:"Of them new, gone or different though nobody had told"`
	// Unexplained should be 0.
	Unexplained int64 `json:"unexplained,omitempty" doc:"Fields that differ between the systems though no decision says so"`
}

type connectionInput struct {
	Connection string `path:"connection" maxLength:"100"`
}

type reasonInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

type modeInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       struct {
		Mode      string `json:"mode" enum:"off,observe,pilot,live"`
		Filter    string `json:"filter,omitempty" maxLength:"500" doc:"Pilot: who takes part"`
		MaxWrites int    `json:"max_writes_per_hour,omitempty" minimum:"0"`
		Reason    string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

func (a *api) registerSync() {
	const at = "/v1/connections/{connection}"
	register(a, get("get-status", at+"/status", "One screen about the connection", "sync"), ReadStatus,
		func(ctx context.Context, in *connectionInput) (*body[Status], error) {
			return askFor(ctx, a, in.Connection, func(c Connection) asker[Status] { return c.Status })
		})
	register(a, get("list-rejected", at+"/webhooks/rejected", "What was not taken in, newest first", "webhooks"),
		ReadWebhooks, a.rejected)
	register(a, act("set-mode", at+"/mode", "Set the mode", "Opening sends nothing retroactively."), SwitchSync, a.setMode)
	register(a, act("pause", at+"/pause", "Stop planning and sending; facts are still stored", ""), SwitchSync,
		func(ctx context.Context, in *reasonInput) (*body[Done], error) {
			return a.perform(ctx, in.Connection, in.Body.Reason, func(acts Acts, by By) (Done, error) {
				return acts.Pause(ctx, by)
			})
		})
	register(a, act("resume", at+"/resume", "Go on; what changed meanwhile is planned once", ""), SwitchSync,
		func(ctx context.Context, in *reasonInput) (*body[Done], error) {
			return a.perform(ctx, in.Connection, in.Body.Reason, func(acts Acts, by By) (Done, error) {
				return acts.Resume(ctx, by)
			})
		})
}

func (a *api) setMode(ctx context.Context, in *modeInput) (*body[Done], error) {
	m := ModeChange{Mode: domain.Mode(in.Body.Mode), Filter: in.Body.Filter, MaxWrites: in.Body.MaxWrites}
	if m.Mode != domain.ModePilot && (m.Filter != "" || m.MaxWrites != 0) {
		return nil, fmt.Errorf("%w: filter and max_writes_per_hour belong to mode pilot", ErrBadInput)
	}
	return a.perform(ctx, in.Connection, in.Body.Reason, func(acts Acts, by By) (Done, error) {
		return acts.SetMode(ctx, m, by)
	})
}

// perform does an act in the name of the token's holder.
func (a *api) perform(ctx context.Context, connection, reason string,
	do func(Acts, By) (Done, error),
) (*body[Done], error) {
	conn, err := a.connection(connection)
	if err != nil {
		return nil, err
	}
	if conn.Acts == nil {
		return nil, fmt.Errorf("%w: this connection takes no acts here", ErrNotFound)
	}
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return nil, fmt.Errorf("%w: an act needs a reason", ErrBadInput)
	}
	done, err := do(conn.Acts, By{Actor: identity(ctx).Actor(), Reason: reason})
	if err != nil {
		return nil, err
	}
	return &body[Done]{done}, nil
}

// asker tells one thing about a connection.
type asker[T any] func(context.Context) (T, error)

// askFor answers from one of a connection's functions.
func askFor[T any](ctx context.Context, a *api, connection string,
	pick func(Connection) asker[T],
) (*body[T], error) {
	conn, err := a.connection(connection)
	if err != nil {
		return nil, err
	}
	ask := pick(conn)
	if ask == nil {
		return nil, fmt.Errorf("%w: this connection does not tell", ErrNotFound)
	}
	got, err := ask(ctx)
	if err != nil {
		return nil, err
	}
	return &body[T]{got}, nil
}
