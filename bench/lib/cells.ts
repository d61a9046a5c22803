/** Numbers as cells of tables. */

export const whole = (value: number): string => Math.round(value).toLocaleString('en');
export const mib = (bytes: number): string => `${whole(bytes / 2 ** 20)} MiB`;
/** Of a share. */
export const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
