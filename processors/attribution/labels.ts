/** What an event is labelled with, and under which it counts; the empty string stands for an absent field. */
export interface Labels {
  readonly channel: string
  readonly campaign: string
  readonly variant: string
}

/** Dense numbers for combinations of labels. */
export interface LabelNumbers {
  indexOf(labels: Labels): number
  at(index: number): Labels
}
