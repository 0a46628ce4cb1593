package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/erased"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// Errors of an erasure.
var (
	ErrHeld = errors.New("on hold")
	ErrBusy = errors.New("a write of this contact is on its way; try again in some seconds")

	errErasedBefore = errors.New("it was erased before")
)

// busyWait is how long a write that is on its way is waited for.
const busyWait = 30 * time.Second

// scrubbed are the tables that an erasure deletes from, or overwrites in.
var scrubbed = []string{"subject_key", "outbox", "outbound_key", "contact_key", "catalog_deal", "parked_delivery", "erased_identifier"}

// reach says what an erasure here does not do.
var reach = []string{
	"The person is still in HubSpot and Aloware unless deleted there; what they tell is stored as suppressed, without data.",
	"Backups taken before still hold the keys, wrapped by the master key, until that is rotated (duolog keys rotate) and the old one destroyed.",
	"Who read the feed or was given an export before has the person's data: tell them.",
}

// recognition says what of the person stays.
const recognition = "Keyed hashes of the person's emails and numbers are kept, so that the person is not stored again under another id. " +
	"They are pseudonymous data; erase --lift removes them, and --forget-identifiers keeps none."

// everyID returns a contact and every id it ever had.
func (a *App) everyID(ctx context.Context, contact ulid.ULID) (c contacts.Contact, ids []ulid.ULID, err error) {
	if err := a.CatchUp(ctx); err != nil {
		return c, nil, err
	}
	if c, err = a.Contacts.Get(ctx, contact); err != nil {
		return c, nil, err
	}
	ids, err = a.idsOf(ctx, c.ID)
	return c, ids, err
}

func (a *App) idsOf(ctx context.Context, contact ulid.ULID) (ids []ulid.ULID, err error) {
	streams, err := a.Contacts.Streams(ctx, contact)
	for _, stream := range streams {
		text, ok := strings.CutPrefix(stream, "contact/")
		if id, err := ulid.ParseStrict(text); ok && err == nil {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// closure is everything that is a person's, as far as the log said up to a position.
type closure struct {
	through int64
	at      []string // every parked body that was looked at
	contact contacts.Contact
	ids     []ulid.ULID
	records []domain.Record
	raw     []string // subjects of bodies in the log
	tokens  []string // by which the person is recognised
	known   map[identity.Key]bool
	finder  identity.Finder
	parked  []ingest.ParkedBody

	settings  settings.Settings
	withdrawn []outbox.Entry // commands, once they are
}

// closure finds it. Where the person is not to be recognised by emails and numbers, those make nobody else the person.
func (a *App) closure(ctx context.Context, contact ulid.ULID, forget bool, check func(*closure) error) (c closure, err error) {
	head, err := a.Log.Head(ctx)
	if err != nil {
		return c, err
	}
	c.through = head.Position
	if c.contact, c.ids, err = a.everyID(ctx, contact); err != nil {
		return c, err
	}
	if err := check(&c); err != nil {
		return c, err
	}
	for _, r := range c.contact.Records {
		c.records = append(c.records, domain.Record{System: r.System, ID: r.ID})
	}
	s, err := a.settingsInForce(ctx)
	if err != nil {
		return c, err
	}
	if c.settings = s; !forget {
		c.recognise(s, erased.NewHasher(a.Log.Vault()))
	}
	if err := a.undecided(ctx, &c); err != nil {
		return c, err
	}
	n := namesOf(s, c.contact)
	if c.raw, err = a.rawBodies(ctx, n); err != nil {
		return c, err
	}
	parked, err := ingest.ParkedBodies(ctx, a.Store, a.Log)
	for _, p := range parked {
		c.at = append(c.at, p.ID)
		if n.in(p.Body) {
			c.parked = append(c.parked, p)
		}
	}
	return c, err
}

// recognise notes by which emails and numbers the person is recognised.
func (c *closure) recognise(s settings.Settings, h erased.Hasher) {
	c.finder, c.known = identity.NewFinder(s), map[identity.Key]bool{}
	for _, r := range c.contact.Records {
		keys := c.finder.Keys(domain.Record{System: r.System, ID: r.ID}, func(name string) json.RawMessage { return r.Values[name].Value })
		for _, k := range keys {
			c.known[k] = true
		}
		for _, t := range h.Tokens(keys) {
			if !slices.Contains(c.tokens, t) {
				c.tokens = append(c.tokens, t)
			}
		}
	}
}

// streams are those of the records.
func (c *closure) streams() []string {
	streams := make([]string, len(c.records))
	for i, r := range c.records {
		streams[i] = r.Stream()
	}
	return streams
}

// others are the subjects beside the records.
func (c *closure) others() []string {
	subjects := slices.Clone(c.raw)
	for _, p := range c.parked {
		subjects = append(subjects, p.Subject)
	}
	return subjects
}

// Erasure says what an erasure of the contact would take; it changes nothing.
func (a *App) Erasure(ctx context.Context, contact ulid.ULID, how httpapi.Erasing) (httpapi.Erasure, error) {
	c, err := a.closure(ctx, contact, how.ForgetIdentifiers, func(*closure) error { return nil })
	if err != nil {
		return httpapi.Erasure{}, err
	}
	p, err := a.privacy(ctx)
	if err != nil {
		return httpapi.Erasure{}, err
	}
	out := c.shown()
	out.DryRun = true
	if h, ok := p.held(c.ids); ok {
		out.Held = h.Reason
	}
	for _, id := range c.ids {
		waiting, err := outbox.List(ctx, a.Store, a.Connection, outbox.Filter{Contact: id, Limit: 1000})
		if err != nil {
			return out, err
		}
		out.Commands += len(waiting)
	}
	return out, nil
}

// erasable says why the person may not be erased.
func (c *closure) erasable(p privacy) error {
	if h, ok := p.held(c.ids); ok {
		return fmt.Errorf("%w: %w since %s by %s: %s; duolog hold release ends that",
			httpapi.ErrConflict, ErrHeld, h.At.Format(time.RFC3339), h.By, h.Reason)
	}
	if !slices.ContainsFunc(c.contact.Records, func(r contacts.Record) bool { return !r.Erased }) {
		return fmt.Errorf("%w: %w", httpapi.ErrConflict, errErasedBefore)
	}
	return nil
}

func (c *closure) shown() httpapi.Erasure {
	out := httpapi.Erasure{
		Contact: c.contact.ID.String(), Records: []string{}, Raw: len(c.raw), Parked: len(c.parked), Notes: slices.Clone(reach),
		Identifiers: len(c.tokens),
	}
	for _, r := range c.records {
		out.Records = append(out.Records, r.String())
	}
	if len(c.tokens) > 0 {
		out.Notes = append(out.Notes, recognition)
	}
	return out
}

// Erase destroys the keys of everything that is a person's, for ever. It is safe beside whoever owns the connection: no
// process appends, or keeps for long, under a key that is gone.
func (a *App) Erase(ctx context.Context, contact ulid.ULID, how httpapi.Erasing, by httpapi.By) (httpapi.Erasure, error) {
	return a.erase(ctx, contact, erasing{Erasing: how}, by)
}

// erasing is how somebody is erased, and because of which erasure, if of one.
type erasing struct {
	httpapi.Erasing
	cause ulid.ULID
}

func (a *App) erase(ctx context.Context, contact ulid.ULID, how erasing, by httpapi.By) (out httpapi.Erasure, err error) {
	if strings.TrimSpace(by.Reason) == "" {
		return out, fmt.Errorf("%w: an erasure needs a reason; it stays in the log", httpapi.ErrBadInput)
	}
	if err := a.listable(ctx); err != nil {
		return out, fmt.Errorf("nobody was erased: %w", err)
	}
	until := time.Now().Add(busyWait)
	for {
		err = again(func() error {
			out, err = a.eraseOnce(ctx, contact, how, by)
			return err
		})
		if !errors.Is(err, ErrBusy) || time.Now().After(until) || ctx.Err() != nil {
			break
		}
		sleep(ctx, firstPause)
	}
	if err != nil {
		return out, err
	}
	if err := a.keepErasures(ctx); err != nil {
		return out, fmt.Errorf("the person is erased, at position %d, and a restore would not know: duolog serve, or the next erasure, "+
			"puts it on the list once that can be written: %w", out.Position, err)
	}
	if err := a.Store.Scrub(ctx, scrubbed...); err != nil {
		a.Logger.Warn("erased, and the files are yet to be cleaned", slog.Any("error", err))
		out.Notes = append(out.Notes, "The keys are gone; the database's files could not be cleaned: "+err.Error())
	}
	cert, err := a.certify(ctx, out)
	if err != nil {
		return out, fmt.Errorf("the person is erased, at position %d, and no certificate could be made, which erase --certificate does "+
			"any time later: %w", out.Position, err)
	}
	out.Certificate = &cert
	if err := a.CatchUp(ctx); err != nil {
		return out, fmt.Errorf("the person is erased, at position %d; what is read of the log is yet to follow: %w", out.Position, err)
	}
	return out, nil
}

// again repeats what was overtaken by another act on holds and erasures.
func again(do func() error) error {
	var err error
	for range 10 {
		if err = do(); !errors.Is(err, eventstore.ErrExpectation) {
			break
		}
	}
	return err
}

func (a *App) eraseOnce(ctx context.Context, contact ulid.ULID, how erasing, by httpapi.By) (out httpapi.Erasure, err error) {
	p, err := a.privacy(ctx)
	if err != nil {
		return out, err
	}
	c, err := a.closure(ctx, contact, how.ForgetIdentifiers, func(c *closure) error { return c.erasable(p) })
	if err != nil {
		return out, err
	}
	err = a.Store.InTx(ctx, func(tx eventstore.Tx) error {
		if err := a.unwidened(ctx, tx, &c); err != nil {
			return err
		}
		outcomes, err := a.clear(ctx, tx, &c)
		if err == nil {
			err = a.recogniseComing(ctx, &c, how)
		}
		if err != nil {
			return err
		}
		act, err := a.act(domain.SubjectErased, domain.StreamPrivacy, domain.Act{
			Reason: by.Reason, Contact: c.contact.ID, Records: c.records, Subjects: c.others(), Identifiers: c.tokens, Cause: how.cause,
		}, by)
		if err != nil {
			return err
		}
		act.ExpectLast, act.Causation = &p.last, p.at(how.cause)
		if err := erased.Keep(ctx, tx, a.Connection, act.ID, c.tokens); err != nil {
			return err
		}
		done, err := tx.Erase(ctx, a.Log, append(c.streams(), c.others()...), append([]eventstore.NewEvent{act}, outcomes...)...)
		if err != nil {
			return err
		}
		at := time.UnixMicro(done[0].RecordedAt).UTC()
		out = c.shown()
		out.Position, out.At, out.Commands = done[0].Position, &at, len(outcomes)
		return nil
	})
	return out, err
}

// clear deletes the rows that are the person's, in every version of every projection, and returns the outcomes of the
// commands among them.
func (a *App) clear(ctx context.Context, tx eventstore.Tx, c *closure) ([]eventstore.NewEvent, error) {
	removed, left, err := outbox.Erase(ctx, tx, a.Connection, c.streams())
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%w: %w", httpapi.ErrConflict, ErrBusy)
	}
	if err != nil {
		return nil, err
	}
	if err := a.clearFound(ctx, tx, c.streams()); err != nil {
		return nil, err
	}
	ids := make([]string, len(c.parked))
	for i, p := range c.parked {
		ids[i] = p.ID
	}
	if err := ingest.DropParked(ctx, tx, a.Connection, ids); err != nil {
		return nil, err
	}
	c.withdrawn = removed
	return a.withdrawn(removed)
}

// clearFound deletes by what records are found.
func (a *App) clearFound(ctx context.Context, tx eventstore.Tx, streams []string) error {
	for _, table := range []string{"outbound_key", "contact_key", "catalog_deal"} {
		rows, err := tx.QueryKeys(ctx, "DELETE FROM "+table+" WHERE connection = $1 AND record IN ($keys) RETURNING record",
			streams, a.Connection)
		if _, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (s string, err error) { return s, r.Scan(&s) }); err != nil {
			return fmt.Errorf("delete what the person was found by: %w", err)
		}
	}
	return nil
}

// Certificate says once more that somebody was erased, of the last time that was so.
func (a *App) Certificate(ctx context.Context, contact ulid.ULID) (httpapi.Certificate, error) {
	_, ids, err := a.everyID(ctx, contact)
	if err != nil {
		return httpapi.Certificate{}, err
	}
	p, err := a.privacy(ctx)
	if err != nil {
		return httpapi.Certificate{}, err
	}
	for _, e := range slices.Backward(p.erasures) {
		if e.Lifted || !slices.Contains(ids, e.Contact) {
			continue
		}
		at := time.UnixMicro(e.At).UTC()
		out := httpapi.Erasure{Position: e.Position, At: &at}
		if out.Identifiers, err = erased.Kept(ctx, a.Store, a.Connection, e.Origin()); err != nil {
			return httpapi.Certificate{}, err
		}
		for _, stream := range e.Streams {
			r, err := domain.ParseRecord(stream)
			if err != nil {
				return httpapi.Certificate{}, err
			}
			out.Records = append(out.Records, r.String())
		}
		return a.certify(ctx, out)
	}
	return httpapi.Certificate{}, fmt.Errorf("%w: it was not erased", httpapi.ErrConflict)
}

// certify says that an erasure was made, and names nobody.
func (a *App) certify(ctx context.Context, e httpapi.Erasure) (httpapi.Certificate, error) {
	head, err := a.Seal(ctx)
	if err != nil {
		return httpapi.Certificate{}, err
	}
	c := httpapi.Certificate{
		Connection: a.Connection, LogID: head.LogID.String(), Generation: head.Generation, Position: e.Position, At: *e.At,
		Records: []string{}, Identifiers: e.Identifiers, Head: head.Note, Key: a.PublicKey(),
	}
	for _, r := range e.Records {
		c.Records = append(c.Records, fmt.Sprintf("%x", a.Log.Vault().Blind("erased record", r)))
	}
	return c, nil
}
