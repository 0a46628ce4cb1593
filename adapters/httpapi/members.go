package httpapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/eventstore"
)

// memberPoll is how long a member that is waited with goes without showing that it lives.
const memberPoll = 500 * time.Millisecond

type fetchInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Name       string `path:"name" maxLength:"63"`
	Member     string `query:"member" required:"true" minLength:"1" maxLength:"100" doc:"Who asks; unique among those that share the work"`
	Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Wait       int    `query:"wait" minimum:"0" maximum:"50" doc:"Seconds to wait for an event when there is none"`
	Accept     string `header:"Accept" maxLength:"1000"`
}

type memberInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Name       string `path:"name" maxLength:"63"`
	Body       struct {
		Member   string `json:"member" minLength:"1" maxLength:"100"`
		Ack      string `json:"ack,omitempty" maxLength:"4000" doc:"The ack of the batch, as it came; to renew it may be absent, and otherwise 409 says that something of the batch is another's by now"`
		Position int64  `json:"position,omitempty" minimum:"0" doc:"Only up to this event; absent: the whole batch"`
	}
}

// Holding is what a member holds.
type Holding struct {
	Partitions []int   `json:"partitions"`
	Lease      float64 `json:"lease_seconds" doc:"Ask, acknowledge or renew before it is over"`
}

func (a *api) registerMembers(one string) {
	fetch := get("fetch-events", one+"/events", "What a member is to handle next, in order", "consumers")
	fetch.Middlewares = huma.Middlewares{patient, strict}
	fetch.Description = "A member that asks holds its share of the partitions for the consumer's lease, and must ask, " +
		"acknowledge or renew again before that is over. Acknowledge with the header Duolog-Ack, or the page's `ack`, once " +
		"the events are handled: until then the same ones come again. An event that is delivered again after it was parked " +
		"has the extension `again`. When members come, it is by asking for a batch that one gives them what is theirs: ask only " +
		"when nothing of the batch before is being handled."
	fetch.Responses = map[string]*huma.Response{"200": {
		Description: "A batch, possibly empty",
		Content: map[string]*huma.MediaType{
			ndjson:   {Schema: &huma.Schema{Type: huma.TypeString}},
			jsonPage: {Schema: &huma.Schema{Type: huma.TypeObject}},
		},
		Headers: map[string]*huma.Param{"Duolog-Ack": {Schema: &huma.Schema{Type: huma.TypeString}, Description: "Acknowledges the batch"}},
	}}
	register(a, fetch, Consume, a.fetch)
	for _, op := range []struct {
		id, path, summary, more string
		do                      func(context.Context, *memberInput) (*body[Holding], error)
	}{
		{"acknowledge-events", "/ack", "A batch, or part of it, is handled", "It renews, too.", a.acknowledge},
		{"renew-member", "/renew", "A member is still at work", "It changes nothing of what the member holds.", a.renew},
		{"leave-consumer", "/leave", "A member gives its partitions back", "", a.leave},
	} {
		o := act(op.id, one+op.path, op.summary, op.more)
		o.Tags = []string{"consumers"}
		register(a, o, Consume, op.do)
	}
}

// fetch returns the next batch of a member.
func (a *api) fetch(ctx context.Context, in *fetchInput) (*huma.StreamResponse, error) {
	kind := accepted(in.Accept, ndjson, jsonPage)
	if kind == "" {
		return nil, notAcceptable(ndjson, jsonPage)
	}
	conn, g, err := a.moved(ctx, in.Connection, in.Name)
	if err != nil {
		return nil, err
	}
	data, err := conn.readsFeed(ctx)
	if err != nil {
		return nil, err
	}
	b, err := nextBatch(ctx, conn.Log, g, in)
	if err == nil && in.Wait > 0 {
		err = stillAllowed(ctx)
	}
	if err != nil {
		return nil, memberError(ctx, conn.Log, g, in.Name, err)
	}
	head, err := conn.Log.Head(ctx)
	if err != nil {
		return nil, err
	}
	enc := cloudevent.New(in.Connection, head, data)
	page := jsonBatch(enc, b)
	if kind == ndjson {
		page = linesOf(enc, b, nil, "")
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		hc.SetHeader("Content-Type", kind)
		hc.SetHeader("Duolog-Ack", b.Token())
		hc.SetStatus(200)
		_ = a.send(w, page) // who did not get it asks again
	}}, nil
}

// nextBatch waits for an event, while the member is seen to live.
func nextBatch(ctx context.Context, log eventstore.Log, g *group.Groups, in *fetchInput) (group.Batch, error) {
	until := time.Now().Add(time.Duration(in.Wait) * time.Second)
	for {
		s, err := g.Claim(ctx, in.Name, in.Member)
		if err != nil {
			return group.Batch{}, err
		}
		b, err := g.Fetch(ctx, log, s, in.Limit)
		if err != nil || len(b.Events) > 0 || !b.Ended || !time.Now().Before(until) {
			return b, err
		}
		if b.Through > 0 { // nothing for this member: it need not look at it again
			if err := g.Ack(ctx, in.Name, in.Member, b); err != nil {
				return b, err
			}
		}
		pause, cancel := context.WithTimeout(ctx, memberPoll)
		err = log.Wait(pause, max(b.Through, lowest(s)))
		cancel()
		if ctx.Err() != nil {
			return b, ctx.Err()
		}
		if err != nil && pause.Err() == nil {
			return b, err
		}
	}
}

// lowest is where the member has come, or far away when it holds nothing.
func lowest(s group.Share) int64 {
	if len(s.Held) == 0 {
		return 1<<63 - 1
	}
	low := s.Held[0].Position
	for _, h := range s.Held {
		low = min(low, h.Position)
	}
	return low
}

// linesOf writes the events of a batch, with something between them.
func linesOf(enc cloudevent.Encoder, b group.Batch, into []byte, between string) []byte {
	for i, e := range b.Events {
		if i > 0 {
			into = append(into, between...)
		}
		into = enc.Line(into, e.Event)
		if e.Again {
			into = append(into[:len(into)-2], ",\"again\":true}\n"...)
		}
	}
	return into
}

func jsonBatch(enc cloudevent.Encoder, b group.Batch) []byte {
	out := linesOf(enc, b, []byte(`{"events":[`), ",")
	return fmt.Appendf(out, `],"through":%q,"ack":%q}`+"\n", enc.Checkpoint(b.Through), b.Token())
}

func (a *api) acknowledge(ctx context.Context, in *memberInput) (*body[Holding], error) {
	conn, g, err := a.moved(ctx, in.Connection, in.Name)
	if err != nil {
		return nil, err
	}
	b, err := group.ParseToken(in.Body.Ack)
	if err == nil && in.Body.Position > 0 {
		b = b.Upto(in.Body.Position)
	}
	if err == nil {
		err = g.Ack(ctx, in.Name, in.Body.Member, b)
	}
	return shownHolding(ctx, conn.Log, g, in, group.Batch{}, err)
}

func (a *api) renew(ctx context.Context, in *memberInput) (*body[Holding], error) {
	conn, g, err := a.moved(ctx, in.Connection, in.Name)
	if err != nil {
		return nil, err
	}
	var b group.Batch
	if in.Body.Ack != "" {
		b, err = group.ParseToken(in.Body.Ack)
	}
	return shownHolding(ctx, conn.Log, g, in, b, err)
}

// shownHolding has the member live on with the batch and says what it holds.
func shownHolding(
	ctx context.Context, log eventstore.Log, g *group.Groups, in *memberInput, b group.Batch, err error,
) (*body[Holding], error) {
	var s group.Share
	if err == nil {
		s, err = g.Hold(ctx, in.Name, in.Body.Member, b)
	}
	if err != nil {
		return nil, memberError(ctx, log, g, in.Name, err)
	}
	h := Holding{Partitions: []int{}, Lease: s.Lease().Seconds()}
	for _, p := range s.Held {
		h.Partitions = append(h.Partitions, p.Partition)
	}
	return &body[Holding]{h}, nil
}

// memberError is consumerError; a consumer whose checkpoint is of another generation is told from where it can go on.
func memberError(ctx context.Context, log eventstore.Log, g *group.Groups, name string, err error) error {
	if !errors.Is(err, group.ErrGeneration) {
		return consumerError(err)
	}
	info, known := g.Get(ctx, name)
	head, read := log.Head(ctx)
	if known != nil || read != nil {
		return errors.Join(known, read)
	}
	var p *Problem
	_, at := checkpoint{info.LogID().String(), info.Generation, info.Position}.in(ctx, log, head)
	if !errors.As(at, &p) { // it was reset meanwhile, or that cannot be read
		return errors.Join(at, consumerError(err))
	}
	p.Detail = "the consumer's checkpoint is of another log or generation: POST …/reset with continue_after as after, from " +
		"where nothing can be missed, and skip the event ids you have"
	return p
}

func (a *api) leave(ctx context.Context, in *memberInput) (*body[Holding], error) {
	_, g, err := a.moved(ctx, in.Connection, in.Name)
	if err == nil {
		err = g.Leave(ctx, in.Name, in.Body.Member)
	}
	return &body[Holding]{Holding{Partitions: []int{}}}, consumerError(err)
}
