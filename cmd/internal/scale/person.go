package scale

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
)

// person is who a contact is: what tells it from every other one.
type person struct {
	hubspot, aloware string // record ids
	email, phone     string
}

// personAt is the n-th person, n below MaxContacts; a pattern is somebody beyond every copy.
func personAt(n int) person {
	k := n / len(areas)
	return person{
		hubspot: strconv.Itoa(hubspotIDs + n), aloware: strconv.Itoa(alowareIDs + n),
		email: fmt.Sprintf("person.%d@people.example", n),
		phone: fmt.Sprintf("+1%s%03d%04d", areas[n%len(areas)], 220+k/10_000, k%10_000),
	}
}

const (
	// Ids of one length, so that a pattern's are found in a text and mistaken for nothing else.
	hubspotIDs = 3_100_000_000
	alowareIDs = 4_200_000_000

	// MaxContacts are those there are phone numbers for.
	MaxContacts   = 15_000_000
	patternPerson = 19_000_000
)

var areas = [...]string{"212", "213", "214", "215", "216", "303", "305", "312"}

// tokens are the texts by which a person is told from others, in one order for all.
func (p person) tokens(v eventstore.Vault, d planner.Digester) []string {
	out := []string{
		p.hubspot, p.aloware, p.email, p.phone,
		d.Of(settings.EmailField, p.email), d.Of(settings.PhoneField, p.phone),
	}
	for _, blind := range p.blind(v) {
		out = append(out, hex.EncodeToString(blind))
	}
	return out
}

// blind are the tokens both planner state and contacts find a person's records by.
func (p person) blind(v eventstore.Vault) [][]byte {
	return [][]byte{
		v.Blind(identity.KindEmail, p.email), v.Blind(identity.KindPhone, p.phone),
		v.Blind("contact "+identity.KindEmail, p.email), v.Blind("contact "+identity.KindPhone, p.phone),
	}
}

// facts are what both sides told about a person: each showed the whole record once, and then there was a call.
func (p person) facts(newID func() ulid.ULID, clock int64) ([]eventstore.NewEvent, error) {
	f := sandboxkit.NewFields(sandboxkit.NewChance(1, "pattern"), 7)
	f["email"], f["phone_number"] = p.email, p.phone
	a, h := domain.Properties{}, domain.Properties{}
	for name, v := range f {
		a[readNames[name]] = quote(v)
	}
	for name, v := range f.HubSpot() {
		h[name] = quote(v)
	}
	called := maps.Clone(a)
	called["inbound_call_count"] = json.RawMessage("1")
	aloware, hubspot := domain.Record{System: domain.Aloware, ID: p.aloware}, domain.Record{System: domain.HubSpot, ID: p.hubspot}
	var events []eventstore.NewEvent
	for i, told := range []struct {
		record domain.Record
		kind   string
		fact   domain.Fact
	}{
		{aloware, domain.RecordObserved, domain.Fact{Via: "lookup", Complete: true, Properties: a}},
		{hubspot, domain.RecordObserved, domain.Fact{Via: "scan", Complete: true, Properties: h}},
		{aloware, domain.RecordUpdated, domain.Fact{Via: "webhook", Complete: true, Properties: called}},
	} {
		told.fact.Clock = clock + int64(i)
		e, err := fact(newID(), told.record, told.kind, told.fact)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// readNames are the names Aloware reads fields back by.
var readNames = map[string]string{
	"first_name": "first_name", "last_name": "last_name", "phone_number": "phone_number", "email": "email",
	"company_name": "company_name", "address": "address", "city": "cnam_city", "state": "cnam_state",
	"zipcode": "cnam_zipcode", "country": "cnam_country", "website": "website", "date_of_birth": "date_of_birth",
}

func fact(id ulid.ULID, record domain.Record, kind string, f domain.Fact) (eventstore.NewEvent, error) {
	data, err := json.Marshal(f)
	return eventstore.NewEvent{
		ID: id, Stream: record.Stream(), Type: kind, Schema: domain.SchemaOf(kind), OccurredAt: f.Clock,
		Actor: string(record.System), Subject: record.Stream(), Data: data,
	}, err
}

func quote(v string) json.RawMessage { return json.RawMessage(strconv.Quote(v)) }
