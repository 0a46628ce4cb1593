package simulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// ledger is the world's own account of what people did and of what the systems were made to hold. It knows nothing of
// decisions.
type ledger struct {
	edits []*edit
	// shown is whose value a field of a record holds.
	shown map[slot]*edit
	// known is the edit a value was made by; people hardly ever type the same twice.
	known map[string]*edit
	// made are the records that writes of ours made.
	made   map[domain.Record]*write
	writes []*write
	latest map[domain.Record]int64 // the epoch that wrote there last
	// happened are edits and writes in the order they happened.
	happened []any
	deleted  map[domain.Record]bool
	freed    map[string]time.Time     // numbers of Aloware that lost their holder, and when
	number   map[domain.Record]string // that Aloware told of a record last
	dropped  int                      // webhooks that nobody will send again
	// back are values of ours that a webhook told which was taken in, and the position up to which the planner has to come.
	// What is told in a pause is decided on behind it, with whatever was typed meanwhile.
	back map[slot]echo
	// silent are fields that showed a write of ours when a webhook was lost that told it.
	silent map[slot]*write
	looks  []look
}

// look is a stage looking at a record of HubSpot before it writes there.
type look struct {
	task   *task
	at     time.Time
	record domain.Record
}

func newLedger() *ledger {
	return &ledger{
		shown: map[slot]*edit{}, known: map[string]*edit{}, made: map[domain.Record]*write{},
		latest: map[domain.Record]int64{}, deleted: map[domain.Record]bool{},
		freed: map[string]time.Time{}, number: map[domain.Record]string{},
		silent: map[slot]*write{}, back: map[slot]echo{},
	}
}

type echo struct {
	of *edit
	at int64
}

// slot is a field of a record.
type slot struct {
	record domain.Record
	field  string
}

func (s slot) String() string { return s.record.String() + " " + s.field }

// edit is a person giving a field of a record a value.
type edit struct {
	n      int
	at     time.Time
	slot   slot
	value  string // as the system stored it
	parent *edit  // whose value was there before
	first  bool   // the record was made with it
	told   bool   // a webhook or a read that showed it was taken in
	// again: somebody had typed the same before, so it cannot be told from that.
	again bool
	// unsettled: a write of ours to this very field had been decided, and the planner knew neither its end yet, nor that it was
	// told back.
	unsettled bool
	over      []*write // writes of ours that replaced it
	toldAt    time.Time
	judged    bool
	// reshaped: its record was merged, restored or got another number, and that was not known to everybody yet.
	reshaped bool
}

func (e *edit) String() string {
	if e == nil {
		return "nobody's value"
	}
	return fmt.Sprintf("%q typed at %s in %s", e.value, e.at.UTC().Format("15:04:05.000"), e.slot)
}

// after reports whether e was typed by somebody who saw o, or what somebody made of it.
func (e *edit) after(o *edit) bool {
	for p := e.parent; p != nil; p = p.parent {
		if p == o {
			return true
		}
	}
	return false
}

// write is one write request of ours that reached a system.
type write struct {
	at      time.Time
	task    *task
	epoch   int64
	system  domain.System
	address string // as the request names the record: its id, our key, or the number
	record  domain.Record
	sent    map[string]string // by property
	changed map[string]string // by field, to what
	created bool
	posted  bool     // Aloware took it: somebody may have been paged
	request []*write // all rows of the request
}

// call is a request on its way.
type call struct {
	*http.Request
	task   *task
	remote *remote
	body   []byte
	what   string
	writes []*write // what it asks to be written, nil for a read
}

// begins notes a request a stage is about to send. One whose owner is no longer the owner may begin nothing.
func (w *world) begins(t *task, r *remote, req *http.Request, body []byte) call {
	c := call{Request: req, task: t, remote: r, body: body, what: req.Method + " " + string(r.system) + req.URL.Path}
	if number := req.URL.Query().Get("phone_number"); number != "" {
		c.what += " " + number
	}
	c.writes = readWrites(c)
	for _, wr := range c.writes {
		wr.task, wr.epoch, wr.system, wr.request = t, t.own.epoch, r.system, c.writes
		c.what += " " + wr.String()
	}
	w.mu.Lock()
	epoch := w.epoch
	w.mu.Unlock()
	if t.calls++; t.calls == 1 && t.own.epoch < epoch && t.stage != stageChores {
		w.blame("stale owner", "%s begins %s under epoch %d, while epoch %d owns the connection", t, c.what, t.own.epoch, epoch)
	}
	return c
}

func (wr *write) String() string {
	b, _ := json.Marshal(wr.sent)
	return fmt.Sprintf("%s %s", wr.address, b)
}

// readWrites reads what a request asks to be written.
func readWrites(c call) []*write {
	switch path := c.URL.Path; {
	case c.Method != http.MethodPost:
		return nil
	case strings.HasSuffix(path, "/forms"):
		var in map[string]json.RawMessage
		_ = json.Unmarshal(c.body, &in)
		wr := &write{sent: map[string]string{}}
		for name, raw := range in {
			wr.sent[name] = text(raw)
		}
		wr.address = wr.sent["phone_number"]
		delete(wr.sent, "api_token")
		delete(wr.sent, "force_update")
		return []*write{wr}
	case strings.HasSuffix(path, "/batch/update"), strings.HasSuffix(path, "/batch/upsert"):
		var in struct {
			Inputs []struct {
				ID         string
				Properties map[string]json.RawMessage
			}
		}
		_ = json.Unmarshal(c.body, &in)
		var out []*write
		for _, i := range in.Inputs {
			wr := &write{address: i.ID, sent: map[string]string{}}
			for name, raw := range i.Properties {
				wr.sent[name] = text(raw)
			}
			out = append(out, wr)
		}
		return out
	}
	return nil
}

func text(raw json.RawMessage) string {
	var s string
	if bytes.HasPrefix(raw, []byte(`"`)) && json.Unmarshal(raw, &s) == nil {
		return s
	}
	if string(raw) == "null" {
		return ""
	}
	return string(raw)
}

// arrives has the system take a request, and notes what that changed.
func (w *world) arrives(c call, f fault) *http.Response {
	switch f {
	case faultBefore:
		c.remote.inject.Next(failBefore)
	case faultAfter:
		c.remote.inject.Next(failAfter)
	case faultLimit:
		c.remote.inject.Next(limited)
	default:
	}
	if c.writes == nil {
		res := c.remote.serve(c.Request, c.body)
		w.looked(c)
		w.note("%s: %s: %d", c.task, c.what, res.StatusCode)
		return res
	}
	for _, wr := range c.writes {
		w.alone(wr)
	}
	before, posts := w.hold(c.remote.system), w.aloware.Stats().Writes
	res := c.remote.serve(c.Request, c.body)
	after := w.hold(c.remote.system)
	posted := c.remote.system == domain.Aloware && w.aloware.Stats().Writes > posts
	w.note("%s: %s: %d", c.task, c.what, res.StatusCode)
	for _, wr := range c.writes {
		wr.at, wr.posted, wr.record = time.Now(), posted, after.find(wr)
	}
	for _, wr := range c.writes {
		w.effect(wr, before, after)
	}
	if w.bare && c.remote.system == domain.HubSpot {
		w.sparse(res)
	}
	return res
}

// looked notes which records a request looked at for a guard.
func (w *world) looked(c call) {
	var in struct {
		PropertiesWithHistory []string
		Inputs                []struct{ ID string }
	}
	if c.remote.system != domain.HubSpot || json.Unmarshal(c.body, &in) != nil || len(in.PropertiesWithHistory) == 0 {
		return
	}
	for _, i := range in.Inputs {
		w.looks = append(w.looks, look{c.task, time.Now(), domain.Record{System: domain.HubSpot, ID: i.ID}})
	}
}

// author is the row of a request that wrote a property: the last one that names it, wr where none does. Two rows are
// about one record when one names it by the id of a record that was merged into it.
func (wr *write) author(property string) *write {
	for _, o := range slices.Backward(wr.request) {
		if _, sent := o.sent[property]; sent && o.record == wr.record {
			return o
		}
	}
	return wr
}

// effect finds what a write changed, by what the system held before and after.
func (w *world) effect(wr *write, before, after holdings) {
	if wr.record.IsZero() {
		return
	}
	w.writes = append(w.writes, wr)
	w.happened = append(w.happened, wr)
	old, had := before[wr.record]
	if !had {
		wr.created = true
		w.made[wr.record] = wr
	}
	wr.changed = map[string]string{}
	for _, f := range fields {
		s := slot{wr.record, f.Name}
		was, now := old[f.Side(wr.system).Read], after[wr.record][f.Side(wr.system).Read]
		if was == now && had || wr.author(f.Side(wr.system).Write) != wr {
			continue
		}
		wr.changed[f.Name] = now
		if e := w.shown[s]; e != nil && e.slot == s {
			e.over = append(e.over, wr)
			w.judgeGuard(e, wr)
		}
		w.shown[s] = w.known[likeness(f.Name, now)]
		if !had && now == "" {
			delete(w.shown, s)
		}
	}
	w.judgeEffect(wr)
}

// holdings is what a system holds, by read name.
type holdings map[domain.Record]map[string]string

func (w *world) hold(s domain.System) holdings {
	out := holdings{}
	if s == domain.HubSpot {
		for _, c := range w.hubspot.All() {
			out[domain.Record{System: s, ID: c.ID}] = c.Properties
		}
		return out
	}
	for _, c := range w.aloware.All() {
		out[domain.Record{System: s, ID: c.ID}] = c.Properties
	}
	return out
}

// find returns the record a write is about.
func (h holdings) find(wr *write) domain.Record {
	for r, values := range h {
		switch {
		case wr.system == domain.Aloware && values["phone_number"] == wr.address,
			wr.system == domain.HubSpot && (r.ID == wr.address || values[domain.UniqueProperty] == wr.address ||
				slices.Contains(strings.Split(values[settings.MergedIDs], ";"), wr.address)):
			return r
		}
	}
	return domain.Record{}
}

func (h holdings) records() []domain.Record {
	out := make([]domain.Record, 0, len(h))
	for r := range h {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b domain.Record) int {
		if a.Less(b) {
			return -1
		}
		return 1
	})
	return out
}

// likeness is what remains of a value however a system renders it.
func likeness(field, value string) string {
	value = strings.Join(strings.Fields(value), " ")
	if field == "email" {
		value = strings.ToLower(value)
	}
	return field + "\x00" + value
}

// typed notes that a person gave fields of a record values; before is what it showed until then, nil for a new one.
func (w *world) typed(r domain.Record, before map[string]string) {
	now := w.hold(r.System)[r]
	for _, f := range fields {
		value, was := now[f.Side(r.System).Read], before[f.Side(r.System).Read]
		s := slot{r, f.Name}
		if before == nil && value == "" || before != nil && value == was {
			continue
		}
		key := likeness(f.Name, value)
		e := &edit{
			n: len(w.edits), at: time.Now(), slot: s, value: value, parent: w.shown[s], first: before == nil,
			again: w.known[key] != nil, unsettled: before != nil && w.unsettled(s) && !w.toldBack(s),
			reshaped: w.taint[r],
		}
		w.edits = append(w.edits, e)
		w.happened = append(w.happened, e)
		w.shown[s], w.known[key] = e, e
		w.note("%s", e)
	}
}

// unheard notes what a webhook told that was lost. world.mu is held.
func (w *world) unheard(l *letter) {
	var item struct{ Body map[string]json.RawMessage }
	_ = json.Unmarshal(l.closed(), &item)
	for _, wr := range w.writes {
		for name, now := range wr.changed {
			if raw, ok := item.Body[fieldOf(name).Aloware.Read]; ok && wr.record == l.record && text(raw) == now {
				w.silent[slot{l.record, name}] = wr
			}
		}
	}
}

// mute reports whether a person changed what a write of ours had just put there, and the webhook that told the write
// was lost: what is read back then looks like Aloware's rendering of our value, and nothing ever tells otherwise.
func (w *world) mute(s slot) bool {
	e, wr := w.shown[s], w.silent[s]
	return e != nil && wr != nil && e.slot == s && e.parent == w.known[likeness(s.field, wr.changed[s.field])]
}

// toldBack reports whether the planner knows that a write of ours arrived in the slot: what somebody types now came after it.
func (w *world) toldBack(s slot) bool {
	b := w.back[s]
	return b.of != nil && b.of == w.shown[s] && b.at <= w.planned_
}

// told notes what a webhook that was taken in told.
func (w *world) told(l *letter) {
	tell := func(field, value string) {
		for _, e := range w.edits {
			if e.slot == (slot{l.record, field}) && likeness(field, e.value) == likeness(field, value) {
				e.told, e.toldAt = true, time.Now()
			}
		}
		s := slot{l.record, field}
		if ours := w.shown[s]; ours != nil && !w.paused && ours.slot.record.System != l.system && likeness(field, ours.value) == likeness(field, value) {
			w.back[s] = echo{ours, w.head(w.any())}
		}
	}
	var item struct {
		Name  string          `json:"propertyName"`
		Value json.RawMessage `json:"propertyValue"`
		Body  map[string]json.RawMessage
	}
	_ = json.Unmarshal(l.closed(), &item)
	if raw, ok := item.Body[settings.PhoneField]; ok {
		w.number[l.record] = text(raw)
	}
	for _, f := range fields {
		if l.system == domain.HubSpot && f.HubSpot.Read == item.Name {
			tell(f.Name, text(item.Value))
		}
		if raw, ok := item.Body[f.Aloware.Read]; ok {
			tell(f.Name, text(raw))
		}
	}
}
