import './segmented-switch.css'

interface SegmentedSwitchProps<Value extends string> {
  /** Accessible name of the whole. */
  readonly label: string
  readonly options: readonly { readonly value: Value; readonly label: string; readonly title?: string }[]
  readonly value: Value
  readonly onChange: (value: Value) => void
}

/** One choice out of a few, all in sight: real radio buttons, so that arrow keys work as people expect. */
export function SegmentedSwitch<Value extends string>({ label, options, value, onChange }: SegmentedSwitchProps<Value>) {
  return (
    <fieldset className="segmented">
      <legend className="visually-hidden">{label}</legend>
      {options.map((option) => (
        <label key={option.value} className="segmented-option" title={option.title}>
          <input type="radio" name={label} value={option.value} checked={option.value === value} onChange={() => onChange(option.value)} />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  )
}
