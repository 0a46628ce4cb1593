package settings

import (
	"cmp"
	"fmt"
	"maps"

	"github.com/duolog/duolog/domain"
)

// The presets. PresetDefault behaves as Aloware's own integration does when nothing is changed; PresetRecommended
// is the configuration its document recommends: no new people in HubSpot, a first value never overwrites, and the sync
// pauses itself when unusually much changes.
const (
	PresetDefault     = "default"
	PresetRecommended = "recommended"
)

// Presets lists their names.
var Presets = []string{PresetDefault, PresetRecommended}

// Preset returns the settings of a preset in full.
func Preset(name string) (Settings, error) {
	s := base()
	switch name {
	case PresetDefault:
	case PresetRecommended:
		s.Preset = PresetRecommended
		s.Contacts.Create = ToAloware
		for _, source := range []domain.Source{
			domain.MissedCall, domain.AnsweredCall, domain.TextMessage, domain.Imported, domain.UnknownCaller,
		} {
			s.Contacts.CreateFrom[source] = false
		}
		s.Defaults.Initial = FillBlanks
		s.Guards.MaxChangedShare, s.Guards.MaxDeletedShare = 5, 1
	default:
		return Settings{}, fmt.Errorf("%q is not a preset (default or recommended)", name)
	}
	for _, f := range mapping() {
		f.Rules = s.Defaults
		s.Fields = append(s.Fields, f)
	}
	return s.Sorted(), nil
}

func base() Settings {
	return Settings{
		Preset:      PresetDefault,
		TimeZone:    "America/Los_Angeles",
		PhoneRegion: "US",
		Mode:        domain.ModeLive,
		Pilot:       Pilot{MaxWritesPerHour: 50},
		Contacts: Contacts{
			Create: Both, Update: Both,
			CreateFrom: everySource(), WhenLeaving: LeavingKeepLink,
			Match:    []string{MatchLink, MatchUniqueKey, MatchEmail, MatchPhone},
			OnDelete: OnDeleteIgnore, OnMerge: OnMergeFollow, PrivacyDelay: defaultPrivacyDelay,
			UnreadFor: defaultUnreadFor,
		},
		Defaults: Rules{
			Direction: Both, Conflict: HubSpotWins, Initial: HubSpotWins,
			Overwrite: OverwriteAlways, Blank: BlankKeep,
		},
		Gate:   GateField,
		Guards: Guards{EmptiedSide: EmptiedPause},
		Limits: Limits{HubSpotShare: 50, AlowarePerSecond: 50},
		Operations: Operations{
			Cost:               Cost{LRNPerNumberUSD: 0.002},
			Sources:            Sources{HubSpot: SourceWebhooks, SweepEvery: "15m"},
			Catalogs:           Catalogs{RefreshAt: "17:00"},
			ReviewMappingEvery: "90d",
		},
	}
}

func everySource() map[domain.Source]bool {
	all := map[domain.Source]bool{}
	for _, s := range domain.Sources {
		all[s] = true
	}
	return all
}

// Filled returns settings as they are stored, with what older versions of this program did not know set to what they
// did: the defaults.
func (s Settings) Filled() Settings {
	d := base()
	s.Contacts.CreateFrom = maps.Clone(s.Contacts.CreateFrom)
	if s.Contacts.CreateFrom == nil {
		s.Contacts.CreateFrom = map[domain.Source]bool{}
	}
	for _, source := range domain.Sources {
		s.Contacts.CreateFrom[source] = s.Contacts.CreatesFrom(source)
	}
	s.Contacts.WhenLeaving = cmp.Or(s.Contacts.WhenLeaving, d.Contacts.WhenLeaving)
	s.Contacts.OnMerge = cmp.Or(s.Contacts.OnMerge, d.Contacts.OnMerge)
	s.Contacts.PrivacyDelay = cmp.Or(s.Contacts.PrivacyDelay, d.Contacts.PrivacyDelay)
	s.Contacts.UnreadFor = cmp.Or(s.Contacts.UnreadFor, d.Contacts.UnreadFor)
	s.Guards.EmptiedSide = cmp.Or(s.Guards.EmptiedSide, d.Guards.EmptiedSide)
	if s.Operations == (Operations{}) {
		s.Operations = d.Operations
	}
	return s
}

// mapping is the default mapping: the fields both systems are known to have. Aloware's timezone is not in it,
// because how HubSpot's hs_timezone spells its zones is not documented.
func mapping() []Field {
	phone := plain(PhoneField, "phone", domain.Phone)
	phone.Locked, phone.Required, phone.OnChange = true, true, OnChangeHold
	email := plain(EmailField, "email", domain.Email)
	email.Locked = true
	return []Field{
		phone,
		email,
		plain("first_name", "firstname", domain.Text),
		plain("last_name", "lastname", domain.Text),
		plain("company_name", "company", domain.Text),
		plain("address", "address", domain.Text),
		renamed("city", "cnam_city", "city"),
		renamed("state", "cnam_state", "state"),
		renamed("zipcode", "cnam_zipcode", "zip"),
		renamed("country", "cnam_country", "country"),
		plain("website", "website", domain.Text),
		plain("date_of_birth", "date_of_birth", domain.Date),
	}
}

// Names of the locked fields, and of those that need no more than their name.
const (
	PhoneField       = "phone_number"
	EmailField       = "email"
	OwnerField       = "owner"
	DispositionField = "disposition_status"
)

func plain(name, hubspot string, t domain.Type) Field {
	return Field{
		Name: name, Type: t,
		HubSpot: Side{Read: hubspot, Write: hubspot},
		Aloware: Side{Read: name, Write: name},
	}
}

// renamed is a text that Aloware reads back under another name than it is written by.
func renamed(name, read, hubspot string) Field {
	f := plain(name, hubspot, domain.Text)
	f.Aloware.Read = read
	return f
}

// NewField returns the field that a bare line "name: property" means: a text under the default rules, which Aloware
// reads and writes by its name. Two names stand for what Aloware keeps as the number of something else.
func (s Settings) NewField(name, hubspot string) Field {
	f := plain(name, hubspot, domain.Text)
	switch name {
	case OwnerField:
		f.Type, f.Aloware = domain.Owner, Side{Read: "user_id", Write: "user_id"}
	case DispositionField:
		f.Type, f.Aloware = domain.Enumeration, Side{Read: DispositionProperty, Write: DispositionProperty}
	}
	f.Rules = s.Defaults
	if name == DispositionField && f.Direction == Both { // as in Aloware: HubSpot's lead statuses lead
		f.Direction = ToAloware
	}
	return f
}
