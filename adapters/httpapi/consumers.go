package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/adapters/stream/group"
)

// ConsumerInfo is a named reader of the log with a stored checkpoint.
type ConsumerInfo struct {
	Name   string        `json:"name"`
	Kind   string        `json:"kind" doc:"group: members that join by name; sql: a service with watermill-sql; forward: Duolog forwards to it"`
	Filter stream.Filter `json:"filter"`
	Lease  float64       `json:"lease_seconds" doc:"How long a silent member keeps its partitions"`
	// Position is a checkpoint of the whole.
	Position   int64             `json:"position" doc:"Everything up to it is acknowledged"`
	Generation int64             `json:"generation"`
	Lag        int64             `json:"lag" doc:"Events behind that position"`
	Age        float64           `json:"age_seconds" doc:"How old the first of them is"`
	Parked     int               `json:"parked" doc:"Events put aside"`
	Members    []string          `json:"members" doc:"That hold a partition"`
	Tokens     []string          `json:"tokens" doc:"That may move it, besides operators and admins"`
	Polled     *time.Time        `json:"polled_at,omitempty" doc:"When a member asked last"`
	Advanced   time.Time         `json:"advanced_at" doc:"When something was acknowledged last"`
	Created    time.Time         `json:"created_at"`
	Partitions []group.Partition `json:"partitions"`
}

// ConsumerOf shows a consumer.
func ConsumerOf(i group.Info) ConsumerInfo {
	c := ConsumerInfo{
		Name: i.Name, Kind: i.Kind, Filter: i.Filter, Lease: i.Lease.Seconds(), Position: i.Position, Generation: i.Generation,
		Lag: i.Lag, Age: i.Age.Seconds(), Parked: i.Parked, Members: i.Members, Advanced: i.AdvancedAt, Created: i.CreatedAt,
		Partitions: i.Partitions, Tokens: i.Tokens,
	}
	if c.Members == nil {
		c.Members = []string{}
	}
	if c.Tokens == nil {
		c.Tokens = []string{}
	}
	if !i.PolledAt.IsZero() {
		c.Polled = &i.PolledAt
	}
	return c
}

// ConsumerList lists consumers by name.
type ConsumerList struct {
	Consumers []ConsumerInfo `json:"consumers"`
}

// ParkedList lists events put aside, in order.
type ParkedList struct {
	Parked []group.Parked `json:"parked"`
}

// Retried says how many events are to be delivered once more.
type Retried struct {
	Retried int `json:"retried"`
}

type consumerInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Name       string `path:"name" maxLength:"63"`
}

type createConsumerInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       struct {
		Name   string        `json:"name" maxLength:"63" doc:"Lower-case letters, digits, dots, dashes, underscores"`
		Filter stream.Filter `json:"filter,omitempty"`
		After  string        `json:"after,omitempty" maxLength:"80" doc:"Checkpoint to begin after; head: what comes from now on; default: everything"`
		Lease  float64       `json:"lease_seconds,omitempty" minimum:"1" maximum:"600" default:"5"`
	}
}

type resetInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Name       string `path:"name" maxLength:"63"`
	Body       struct {
		After string `json:"after" minLength:"1" maxLength:"80" doc:"Checkpoint to go on after, or head"`
	}
}

type positionInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Name       string `path:"name" maxLength:"63"`
	Body       struct {
		Position int64  `json:"position,omitempty" minimum:"0" doc:"Of the event; to retry, 0 means all"`
		Reason   string `json:"reason,omitempty" maxLength:"500" doc:"What went wrong; no personal value"`
	}
}

type grantInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Name       string `path:"name" maxLength:"63"`
	Body       struct {
		Token string `json:"token" minLength:"1" maxLength:"100" doc:"Its id: what is refused for want of a grant says it, and so does GET …/tokens"`
	}
}

func (a *api) registerConsumers() {
	const at, one = "/v1/connections/{connection}/consumers", "/v1/connections/{connection}/consumers/{name}"
	describe := func(op huma.Operation) huma.Operation { op.Tags = []string{"consumers"}; return op }
	register(a, get("list-consumers", at, "Named readers, how far behind and since when", "consumers"), ReadFeed, a.listConsumers)
	register(a, get("get-consumer", one, "One named reader", "consumers"), ReadFeed, a.getConsumer)
	register(a, get("list-parked-events", one+"/parked", "Events a consumer put aside", "consumers"), ReadFeed, a.listParked)
	register(a, describe(act("create-consumer", at, "Make a named reader with a stored checkpoint",
		"Its work is divided into 16 partitions by the record of an event; members share them. The token that makes it may "+
			"move it, so may operators and admins, and tokens they grant it to.")), Consume, a.createConsumer)
	forget := describe(act("delete-consumer", one+"/delete", "Forget a consumer and its checkpoint", ""))
	forget.DefaultStatus = http.StatusNoContent
	register(a, forget, Consume, a.deleteConsumer)
	register(a, describe(act("reset-consumer", one+"/reset", "Go on after another position",
		"Members lose what they were given, and get it or something else again.")), Consume, a.resetConsumer)
	register(a, describe(act("park-event", one+"/park", "Put an event aside",
		"It is not delivered to this consumer until it is retried; later events of its record go on.")), Consume, a.parkEvent)
	register(a, describe(act("retry-events", one+"/retry", "Deliver what was put aside once more", "")), Consume, a.retryEvents)
	register(a, describe(act("drop-event", one+"/drop", "Never deliver an event that was put aside", "")), Consume, a.dropEvent)
	register(a, describe(act("grant-consumer", one+"/grant", "Let another token move a consumer",
		"It may fetch, acknowledge, park, reset and delete.")), ManageConsumers, a.grantConsumer)
	register(a, describe(act("withdraw-consumer", one+"/withdraw", "A token may no longer move a consumer", "")), ManageConsumers,
		a.withdrawConsumer)
	a.registerMembers(one)
}

// groups returns the connection's consumers.
func (a *api) groups(connection string) (Connection, *group.Groups, error) {
	conn, err := a.connection(connection)
	if err == nil && conn.Groups == nil {
		err = fmt.Errorf("%w: this connection keeps no consumers here", ErrNotFound)
	}
	return conn, conn.Groups, err
}

// moved returns the consumers for who is about to move one. That is only for those who made it, were let in, or manage
// all.
func (a *api) moved(ctx context.Context, connection, name string) (Connection, *group.Groups, error) {
	conn, g, err := a.groups(connection)
	who := identity(ctx)
	if err != nil || who.Role.May(ManageConsumers) {
		return conn, g, err
	}
	tokens, err := g.Granted(ctx, name)
	if err == nil && !slices.Contains(tokens, who.Name) {
		err = problem(http.StatusForbidden, fmt.Sprintf("this consumer belongs to others: a token of the role %s moves those it "+
			"made itself. Make one with POST …/consumers, or have an operator let this token in: "+
			`POST …/consumers/{name}/grant {"token":%q}`, who.Role, who.Name))
	}
	return conn, g, consumerError(err)
}

// consumerError says in our words what the package of groups says in its own.
func consumerError(err error) error {
	status := 0
	switch {
	case err == nil:
		return nil
	case errors.Is(err, group.ErrUnknown), errors.Is(err, group.ErrNotParked), errors.Is(err, group.ErrNotGranted):
		status = http.StatusNotFound
	case errors.Is(err, group.ErrExists), errors.Is(err, group.ErrLost), errors.Is(err, group.ErrBeyond):
		status = http.StatusConflict
	case errors.Is(err, group.ErrBadSpec), errors.Is(err, group.ErrToken):
		status = http.StatusBadRequest
	default:
		return err
	}
	p := problem(status, err.Error())
	switch {
	case errors.Is(err, group.ErrUnknown):
		p.Detail = "there is no such consumer; GET …/consumers lists them, POST …/consumers makes one"
	case errors.Is(err, group.ErrLost):
		p.Detail = "these partitions went to another member, or the consumer was reset: drop what is left of the batch and ask for the next"
	}
	return p
}

func (a *api) listConsumers(ctx context.Context, in *connectionInput) (*body[ConsumerList], error) {
	_, g, err := a.groups(in.Connection)
	if err != nil {
		return nil, err
	}
	all, err := g.List(ctx)
	if err != nil {
		return nil, err
	}
	out := ConsumerList{Consumers: []ConsumerInfo{}}
	for _, i := range all {
		out.Consumers = append(out.Consumers, ConsumerOf(i))
	}
	return &body[ConsumerList]{out}, nil
}

// shownConsumer is what a consumer is after something was done with it.
func shownConsumer(ctx context.Context, g *group.Groups, name string, err error) (*body[ConsumerInfo], error) {
	var i group.Info
	if err == nil {
		i, err = g.Get(ctx, name)
	}
	if err != nil {
		return nil, consumerError(err)
	}
	return &body[ConsumerInfo]{ConsumerOf(i)}, nil
}

func (a *api) getConsumer(ctx context.Context, in *consumerInput) (*body[ConsumerInfo], error) {
	_, g, err := a.groups(in.Connection)
	return shownConsumer(ctx, g, in.Name, err)
}

func (a *api) createConsumer(ctx context.Context, in *createConsumerInput) (*body[ConsumerInfo], error) {
	conn, g, err := a.groups(in.Connection)
	if err != nil {
		return nil, err
	}
	after, err := beginning(ctx, conn, in.Body.After)
	if err != nil {
		return nil, err
	}
	err = g.Create(ctx, group.Spec{
		Name: in.Body.Name, Filter: in.Body.Filter, After: after, Lease: time.Duration(in.Body.Lease * float64(time.Second)),
		Token: identity(ctx).Name,
	})
	return shownConsumer(ctx, g, in.Body.Name, err)
}

// beginning reads where a consumer is to go on; below 0 is the end.
func beginning(ctx context.Context, conn Connection, after string) (int64, error) {
	if after == "head" {
		return -1, nil
	}
	at, err := parseCheckpoint(after)
	if err != nil {
		return 0, fmt.Errorf("%w: after is a checkpoint, or head", ErrBadInput)
	}
	head, err := conn.Log.Head(ctx)
	if err != nil {
		return 0, err
	}
	return at.in(ctx, conn.Log, head)
}

func (a *api) deleteConsumer(ctx context.Context, in *consumerInput) (*struct{}, error) {
	_, g, err := a.moved(ctx, in.Connection, in.Name)
	if err == nil {
		err = g.Delete(ctx, in.Name)
	}
	return nil, consumerError(err)
}

func (a *api) resetConsumer(ctx context.Context, in *resetInput) (*body[ConsumerInfo], error) {
	conn, g, err := a.moved(ctx, in.Connection, in.Name)
	if err != nil {
		return nil, err
	}
	after, err := beginning(ctx, conn, in.Body.After)
	if err == nil {
		err = g.Reset(ctx, in.Name, after)
	}
	return shownConsumer(ctx, g, in.Name, err)
}

func (a *api) listParked(ctx context.Context, in *consumerInput) (*body[ParkedList], error) {
	_, g, err := a.groups(in.Connection)
	if err != nil {
		return nil, err
	}
	all, err := g.Parked(ctx, in.Name)
	if all == nil {
		all = []group.Parked{}
	}
	return &body[ParkedList]{ParkedList{all}}, consumerError(err)
}

func (a *api) parkEvent(ctx context.Context, in *positionInput) (*body[ConsumerInfo], error) {
	_, g, err := a.moved(ctx, in.Connection, in.Name)
	if err == nil && in.Body.Position == 0 {
		err = fmt.Errorf("%w: want the position of the event", ErrBadInput)
	}
	if err == nil {
		err = g.Park(ctx, in.Name, in.Body.Position, in.Body.Reason)
	}
	return shownConsumer(ctx, g, in.Name, err)
}

func (a *api) retryEvents(ctx context.Context, in *positionInput) (*body[Retried], error) {
	_, g, err := a.moved(ctx, in.Connection, in.Name)
	if err != nil {
		return nil, err
	}
	n, err := g.Retry(ctx, in.Name, in.Body.Position)
	return &body[Retried]{Retried{n}}, consumerError(err)
}

func (a *api) dropEvent(ctx context.Context, in *positionInput) (*body[ConsumerInfo], error) {
	_, g, err := a.moved(ctx, in.Connection, in.Name)
	if err == nil {
		err = g.Drop(ctx, in.Name, in.Body.Position)
	}
	return shownConsumer(ctx, g, in.Name, err)
}

func (a *api) grantConsumer(ctx context.Context, in *grantInput) (*body[ConsumerInfo], error) {
	conn, g, err := a.groups(in.Connection)
	if err == nil && conn.Tokens != nil {
		err = tokenKnown(ctx, conn.Tokens, in.Body.Token)
	}
	if err == nil {
		err = g.Grant(ctx, in.Name, in.Body.Token)
	}
	return shownConsumer(ctx, g, in.Name, err)
}

func tokenKnown(ctx context.Context, k TokenKeeper, id string) error {
	all, err := k.Tokens(ctx)
	if err == nil && !slices.ContainsFunc(all, func(t Token) bool { return t.ID == id }) {
		err = fmt.Errorf("%w: there is no token of this id; GET …/tokens lists them for an admin", ErrNotFound)
	}
	return err
}

func (a *api) withdrawConsumer(ctx context.Context, in *grantInput) (*body[ConsumerInfo], error) {
	_, g, err := a.groups(in.Connection)
	if err == nil {
		err = g.Withdraw(ctx, in.Name, in.Body.Token)
	}
	return shownConsumer(ctx, g, in.Name, err)
}
