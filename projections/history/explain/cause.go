package explain

// Cause is why, in a word.
type Cause string

// The causes.
const (
	NotMapped   Cause = "not_mapped"
	NeverTold   Cause = "never_told"
	Erased      Cause = "erased"
	Same        Cause = "same"
	Rendered    Cause = "rendered"
	LostOne     Cause = "conflict_lost"
	OnItsWay    Cause = "on_its_way"
	Retrying    Cause = "retrying"
	DeadLetter  Cause = "dead_letter"
	Discarded   Cause = "discarded"
	Refused     Cause = "refused"
	Invalid     Cause = "invalid"
	Impossible  Cause = "impossible"
	Direction   Cause = "direction"
	Filter      Cause = "filter"
	Excluded    Cause = "excluded"
	Alone       Cause = "alone"
	Gone        Cause = "gone"
	Blank       Cause = "blank"
	Overwrite   Cause = "overwrite"
	FirstValue  Cause = "first_value"
	Review      Cause = "review"
	Person      Cause = "person"
	Consent     Cause = "consent"
	Gate        Cause = "gate"
	Guard       Cause = "guard"
	Paused      Cause = "paused"
	Off         Cause = "off"
	Observe     Cause = "observe"
	Pilot       Cause = "pilot"
	Standing    Cause = "standing"
	Stale       Cause = "stale"
	Asking      Cause = "asking"
	Parked      Cause = "parked"
	Matched     Cause = "matched"
	MappedLater Cause = "mapped_later"
	Undecided   Cause = "undecided"
)

// told is what is said of a cause first, and what can be done about it.
type told struct {
	says string
	do   []Advice
}

var (
	again     = Advice{"have both systems read and the contact planned again", "duolog contact resync {contact}"}
	takeOne   = Advice{"say whose value counts", "duolog review accept {contact} --field {field} --take hubspot|aloware"}
	align     = Advice{"send what stands apart, after a look at it", "duolog reconcile --field {field} --dry-run"}
	inTheCRM  = Advice{"change it in {to} by hand, then", "duolog contact resync {contact}"}
	whatWaits = Advice{"see what waits for a person", "duolog review show {contact}"}
)

func setting(says, assignment string) Advice {
	return Advice{says, "duolog settings set " + assignment}
}

// causes hold the words of each cause. In them {field}, {contact}, {from} and {to} stand for what they are called.
var causes = map[Cause]told{
	NotMapped: {"{field} is not mapped: no field of the settings in force reads or writes it.", []Advice{
		{"see what is mapped", "duolog settings show"},
		setting("map it", "'fields.{field}={hubspot: PROPERTY}'"),
	}},
	NeverTold: {"Duolog was never told.", []Advice{
		again, {"see what was not taken in", "duolog webhooks rejected"},
	}},
	Erased: {"The values are erased for ever; that there were decisions is all that is left.", nil},
	Same:   {"{field} is the same in both.", nil},
	Rendered: {"{field} is in step: each system shows the same value in its own way.", []Advice{
		{"see what the mapping keeps", "duolog mapping check"},
	}},
	LostOne: {"{field} is as {from} had it: {to}'s value lost a conflict.", []Advice{
		setting("let the other side win from now on", "{field}.conflict=newest"),
	}},
	OnItsWay: {"{field} is on its way to {to}.", nil},
	Retrying: {"{field} is on its way to {to}, which has not taken it yet.", []Advice{
		{"see what waits, and why", "duolog commands list --system {to_id}"},
	}},
	DeadLetter: {"{field} did not reach {to}: tries ran out, and it waits for a person.", []Advice{
		{"see it", "duolog commands list --state dead"},
		{"try again once {to} is well", "duolog commands retry {command}"},
	}},
	Discarded: {"{field} was not sent to {to}: a person discarded the write.", []Advice{again, inTheCRM}},
	Refused: {"{field} differs: {to} refused {from}'s value.", []Advice{
		{"see what the mapping keeps", "duolog mapping check"}, again,
	}},
	Invalid: {"{field} differs: {from}'s value cannot be written in {to}.", []Advice{
		{"correct it in {from}", ""}, {"see what the mapping keeps", "duolog mapping check"},
	}},
	Impossible: {"{field} differs between the two systems, and {to} cannot take it.", []Advice{inTheCRM}},
	Direction: {"{field} differs, and a direction keeps it so.", []Advice{
		{"see the directions", "duolog settings show"}, setting("let it flow both ways", "{field}.direction=both"),
	}},
	Filter: {"{field} differs: the contact is outside contacts.only, the filter of who takes part.", []Advice{
		{"see the filter", "duolog settings show"},
	}},
	Excluded: {"The contact takes no part in the sync.", []Advice{
		{"let it in again, if a person took it out", "duolog contact include {contact}"},
	}},
	Alone: {"The contact stands in one system only, so there is no other side.", []Advice{
		{"say that it is the same person as another", "duolog contact link {contact} OTHER"},
	}},
	Gone:  {"The record in one system is deleted.", nil},
	Blank: {"{field} differs: {from}'s was emptied, and that empties nothing in {to}.", []Advice{setting("let blanks through", "{field}.blank=send")}},
	Overwrite: {"{field} differs: {to} holds a value that is not written over.", []Advice{
		setting("write over it from now on", "{field}.overwrite=always"), takeOne,
	}},
	FirstValue: {"{field} differs since the two records became a pair: the first-value rule left both as they were.", []Advice{
		takeOne, setting("choose otherwise for new pairs", "{field}.initial=newest"),
	}},
	Review:   {"{field} differs, and waits for a person.", []Advice{whatWaits, takeOne}},
	Person:   {"{field} is as a person decided.", []Advice{takeOne}},
	Consent:  {"{field} is a stop: it goes through at once and is lifted by people only.", []Advice{whatWaits}},
	Gate:     {"{field} waits: its mapping does not fit, so its gate is shut.", []Advice{{"see what does not fit", "duolog mapping check"}}},
	Guard:    {"{field} waits: a guard held the sync, since unusually much changed.", []Advice{{"see which", "duolog status"}, {"go on after a look", "duolog resume"}}},
	Paused:   {"{field} waits: the sync is paused.", []Advice{{"go on", "duolog resume"}}},
	Off:      {"{field} waits: nothing is decided while the sync is off.", []Advice{{"decide all and send nothing", "duolog mode observe"}}},
	Observe:  {"{field} differs: it was decided to send it, and withheld since the mode was observe.", []Advice{align, {"send from now on", "duolog mode live"}}},
	Pilot:    {"{field} differs: the pilot did not let it through.", []Advice{{"see its filter and limit", "duolog status"}, align}},
	Standing: {"{field} differs since before the sync went live, and going live sends nothing.", []Advice{align}},
	Stale:    {"{field}: what {from} told last was older than what was known already.", nil},
	Asking:   {"{field} waits for an answer.", nil},
	Parked: {"The contact is parked: an input of it could not be decided.", []Advice{
		{"see what waits for a person", "duolog review list"}, again,
	}},
	Matched:     {"{field} differs since the two were matched: a match writes nothing.", []Advice{align, takeOne}},
	MappedLater: {"{field} differs since it was mapped: a change of the mapping sends nothing by itself.", []Advice{align}},
	Undecided:   {"{field} differs, and nothing is decided about it yet.", []Advice{{"see how far the planner is", "duolog status"}, again}},
}
