package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// Commands lists what waits for a system, in the order it was planned, and what waits for nothing; Outbox does.
type Commands interface {
	List(ctx context.Context, f outbox.Filter) ([]outbox.Entry, error)
	// Orphaned lists commands that were decided and have neither a row nor an outcome. It reads the whole log.
	Orphaned(ctx context.Context) ([]outbox.Entry, error)
}

// Outbox is a connection's outbox.
type Outbox struct {
	DB         eventstore.DB
	Log        eventstore.Log
	Connection string
}

// Orphaned lists what is in the log alone.
func (o Outbox) Orphaned(ctx context.Context) ([]outbox.Entry, error) {
	return outbound.Orphans(ctx, o.DB, o.Log, 0)
}

// List returns rows in the order they were planned.
func (o Outbox) List(ctx context.Context, f outbox.Filter) ([]outbox.Entry, error) {
	return outbox.List(ctx, o.DB, o.Connection, f)
}

// Command is one outbound write or read that waits. Its values are not shown.
type Command struct {
	ID       string     `json:"id" doc:"ULID"`
	Contact  string     `json:"contact"`
	Kind     string     `json:"kind" doc:"create, update, read or lookup"`
	System   string     `json:"system" doc:"Where it goes"`
	Record   string     `json:"record,omitempty" doc:"The target, absent while unknown"`
	Input    int64      `json:"input" doc:"Position of what it was decided on"`
	State    string     `json:"state" doc:"waiting, sending, dead or orphaned"`
	Attempts int        `json:"attempts"`
	Next     *time.Time `json:"next,omitempty" doc:"Not tried before"`
	Created  time.Time  `json:"created"`
	Error    string     `json:"error,omitempty" doc:"Why the last try failed"`
}

func commandsOf(entries []outbox.Entry) []Command {
	all := make([]Command, len(entries))
	for i, e := range entries {
		all[i] = Command{
			ID: e.Command.String(), Contact: e.Contact.String(), Kind: e.Kind, System: string(e.System), Input: e.Input,
			State: e.State, Attempts: e.Attempts, Created: time.UnixMicro(e.Created).UTC(), Error: e.Error,
		}
		if !e.Record.IsZero() {
			all[i].Record = e.Record.String()
		}
		if e.State != outbox.Dead && e.State != outbox.Orphaned {
			next := time.UnixMicro(e.NextAt).UTC()
			all[i].Next = &next
		}
	}
	return all
}

type listCommandsInput struct {
	Connection string `path:"connection" maxLength:"100"`
	State      string `query:"state" enum:"waiting,sending,dead"`
	System     string `query:"system" enum:"aloware,hubspot"`
	Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Orphaned   bool   `query:"orphaned" doc:"Instead those that were decided and have neither a row that waits nor an outcome; it reads the whole log"`
}

type settleInput struct {
	Connection string `path:"connection" maxLength:"100"`
	ID         string `path:"id" maxLength:"26" doc:"The command's ULID"`
	Body       struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

// CommandList is a list of commands.
type CommandList struct {
	Commands []Command `json:"commands"`
}

func (a *api) registerCommands() {
	const at = "/v1/connections/{connection}/commands"
	register(a, get("list-commands", at, "Writes and reads waiting for a system", "commands"), ReadCommands,
		func(ctx context.Context, in *listCommandsInput) (*body[CommandList], error) {
			conn, err := a.connection(in.Connection)
			if err != nil {
				return nil, err
			}
			if conn.Commands == nil {
				return nil, fmt.Errorf("%w: this connection has no commands here", ErrNotFound)
			}
			list, err := in.list(ctx, conn.Commands)
			if err != nil {
				return nil, err
			}
			return &body[CommandList]{CommandList{Commands: commandsOf(list)}}, nil
		})
	register(a, act("retry-command", at+"/{id}/retry", "Plan the command's contact again from the present state",
		"Nothing old is sent again: the planner decides anew. An orphaned command is taken back by it, too."), SettleCommands, a.settle(Acts.Retry))
	register(a, act("discard-command", at+"/{id}/discard", "Give a command up", ""), SettleCommands,
		a.settle(Acts.Discard))
}

func (in *listCommandsInput) list(ctx context.Context, from Commands) ([]outbox.Entry, error) {
	f := outbox.Filter{State: in.State, System: domain.System(in.System), Limit: in.Limit}
	if !in.Orphaned {
		return from.List(ctx, f)
	}
	if in.State != "" {
		return nil, fmt.Errorf("%w: orphaned is a state of its own: leave state out", ErrBadInput)
	}
	all, err := from.Orphaned(ctx)
	return f.Of(all), err
}

// settle makes the handler of an act on one command.
func (a *api) settle(do func(Acts, context.Context, ulid.ULID, By) (Done, error)) func(
	context.Context, *settleInput,
) (*body[Done], error) {
	return func(ctx context.Context, in *settleInput) (*body[Done], error) {
		id, err := ulid.ParseStrict(in.ID)
		if err != nil {
			return nil, fmt.Errorf("%w: want the command's ULID, as GET …/commands lists it", ErrBadInput)
		}
		return a.perform(ctx, in.Connection, in.Body.Reason, func(acts Acts, by By) (Done, error) {
			return do(acts, ctx, id, by)
		})
	}
}

// act describes the POST operation of an act.
func act(id, path, summary, description string) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: http.MethodPost, Path: path, Summary: summary, Tags: []string{"acts"},
		Description: description, DefaultStatus: http.StatusOK,
	}
}
