package settings

import (
	"cmp"
	"time"

	"github.com/duolog/duolog/domain"
)

// Contacts are the rules about people as a whole.
type Contacts struct {
	Create Direction `json:"create"` // both or to_aloware
	Update Direction `json:"update"` // both or to_aloware
	// CreateFrom says from which sources a counterpart is made, if Create allows; one that is missing is allowed.
	CreateFrom map[domain.Source]bool `json:"create_from,omitempty"`
	OnCreate   OnCreate               `json:"on_create,omitzero"`
	// Only is the filter of who takes part at all; empty: everyone.
	Only string `json:"only,omitempty"`
	// WhenLeaving says what becomes of a pair that no longer matches Only; empty: LeavingKeepLink.
	WhenLeaving string   `json:"when_leaving,omitempty"`
	Match       []string `json:"match"` // link, unique_key, email, phone, in this order
	OnDelete    string   `json:"on_delete"`
	OnMerge     string   `json:"on_merge,omitempty"` // empty: OnMergeFollow
	// PrivacyDelay is how long somebody HubSpot deleted on request is kept here before being erased: "24h", which empty
	// means, too.
	PrivacyDelay string `json:"privacy_delay,omitempty"`
	// UnreadFor is how long a body that nobody could read, and that is no record's, stays readable: "90d", which empty
	// means, too.
	UnreadFor string `json:"unread_for,omitempty"`
}

// defaultPrivacyDelay leaves a day to notice that it was a mistake.
const defaultPrivacyDelay = "24h"

// PrivacyWait is PrivacyDelay as a duration.
func (c Contacts) PrivacyWait() time.Duration {
	d, err := ParsePeriod(cmp.Or(c.PrivacyDelay, defaultPrivacyDelay))
	if err != nil {
		return 24 * time.Hour
	}
	return d
}

// defaultUnreadFor leaves a quarter to find out why a body could not be read.
const defaultUnreadFor = "90d"

// UnreadWait is UnreadFor as a duration.
func (c Contacts) UnreadWait() time.Duration {
	d, err := ParsePeriod(cmp.Or(c.UnreadFor, defaultUnreadFor))
	if err != nil {
		return 90 * 24 * time.Hour
	}
	return d
}

// CreatesFrom reports whether a record of the source may have a counterpart made.
func (c Contacts) CreatesFrom(s domain.Source) bool {
	allowed, said := c.CreateFrom[s]
	return allowed || !said
}

// OnCreate holds values that are written once, with a new contact, by property. {source} in a value stands for how the
// contact came to be.
type OnCreate struct {
	HubSpot map[string]string `json:"hubspot,omitempty"`
	Aloware map[string]string `json:"aloware,omitempty"`
	// Marketing says whether contacts made in HubSpot are marketing contacts, for which HubSpot asks money; nil leaves
	// that to HubSpot.
	Marketing *bool `json:"marketing_contact,omitempty"`
}

// MarketableStatus is HubSpot's property that says whether a contact is a marketing contact. That it can be set when a
// contact is made is known from third parties only.
const MarketableStatus = "hs_marketable_status"

// Values returns what is written with a new contact of the system, the marketing flag included.
func (o OnCreate) Values(s domain.System) map[string]string {
	if s == domain.Aloware {
		return o.Aloware
	}
	if o.Marketing == nil {
		return o.HubSpot
	}
	out := map[string]string{MarketableStatus: "false"}
	if *o.Marketing {
		out[MarketableStatus] = "true"
	}
	for property, value := range o.HubSpot {
		out[property] = value
	}
	return out
}

// What becomes of a pair that no longer takes part.
const (
	LeavingKeepLink = "keep_link" // stays linked, and nothing flows
	LeavingUnlink   = "unlink"    // both stand alone; when they take part again it is as at first sight
)

// What a merge in a system does.
const OnMergeFollow = "follow"
